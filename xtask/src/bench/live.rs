//! A live page: from its last byte's arrival to the moment that all of its rows are in the tables, with a fetcher, a
//! transformer and a loader that have nothing else to do.

use super::results::{Results, Sample};
use super::servers::Servers;
use super::worker::Worker;
use super::{Bench, child, lines};

/// The database that it loads into.
const DATABASE: &str = "live";
/// How many pages; a second passes between two of them.
const SNAPSHOTS: &str = "40";
/// Coins in each.
const COINS: &str = "5000";

pub(super) fn measure(bench: &Bench<'_>, servers: &Servers, results: &mut Results) -> anyhow::Result<()> {
    bench.now(&format!("{SNAPSHOTS} live pages of {COINS} coins, one a second"))?;
    servers.migrate(bench, DATABASE)?;
    let settings = servers.settings(DATABASE);
    let _workers =
        [Worker::start(bench, "transformer", &settings)?, Worker::start(bench, "loader", &settings)?];
    servers.settle()?;
    let mut live = bench.programs.stages(["live", SNAPSHOTS]);
    live.envs(settings)
        .env("COINPIPE__FETCH__SPOOL", bench.folder.join("spool"))
        .env("COINPIPE__FETCH__LIMIT", COINS);
    let ran = child::run(live.current_dir(&bench.folder), &bench.interrupt)?;
    for line in lines::read(&ran.stdout)? {
        let sample = Sample::default().with("ms until transformed", line.value("transformed_ms")?);
        results.add("live page", sample.with("ms until loaded", line.value("loaded_ms")?));
    }
    Ok(())
}

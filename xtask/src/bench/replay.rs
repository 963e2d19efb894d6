//! A whole replay on the servers: `coinpipe replay --files`, one transformer and one loader
//! unless more were asked for, from empty tables.

use super::input::Input;
use super::results::Sample;
use super::servers::Servers;
use super::worker::Worker;
use super::{Bench, child};

/// The database that it loads into.
const DATABASE: &str = "replay";

pub(super) fn measure(bench: &Bench<'_>, servers: &Servers, input: &Input) -> anyhow::Result<Sample> {
    bench.now("the whole replay on RabbitMQ and the database")?;
    servers.migrate(bench, DATABASE)?;
    let sample = into(bench, servers, DATABASE, input)?;
    servers.expect(DATABASE, input.rows())?;
    let bytes = servers.bytes(DATABASE, &super::tables::history_of(servers, DATABASE)?)?;
    Ok(sample.with("bytes a quote", bytes / input.rows()))
}

/// Replays `input` into `database`, which has coinpipe's tables.
pub(super) fn into(
    bench: &Bench<'_>,
    servers: &Servers,
    database: &str,
    input: &Input,
) -> anyhow::Result<Sample> {
    let settings = servers.settings(database);
    let workers =
        [Worker::start(bench, "transformer", &settings)?, Worker::start(bench, "loader", &settings)?];
    servers.settle()?;
    let before = servers.cpu()?;
    let mut replay = bench.programs.command("coinpipe");
    replay.args(["replay", "--files", &input.pattern()]).envs(settings).current_dir(&bench.folder);
    let ran = child::run(&mut replay, &bench.interrupt)?;
    let mut sample = Sample::of(input.rows(), ran.seconds);
    sample = sample.with("cpu replay", ran.cpu).with("MiB replay", ran.peak_mib);
    for worker in workers {
        sample = worker.charge(sample)?;
    }
    servers.charge(sample, before)
}

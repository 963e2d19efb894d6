//! What the server takes at most: `LOAD DATA LOCAL` of the rows that coinpipe writes into tables like its own, without
//! queue, ledger, coins, or a look at what is there.

use std::fmt::Write;
use std::path::Path;

use super::Bench;
use super::results::{Results, Sample};
use super::servers::Servers;
use super::tables::{Table, Tables};

/// The database that it loads into.
const DATABASE: &str = "limits";

pub(super) fn measure(
    bench: &Bench<'_>,
    servers: &Servers,
    tables: &Tables,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut both = String::new();
    for page in tables.pages() {
        load(&mut both, "REPLACE", &page.latest, tables.latest())?;
        load(&mut both, "IGNORE", &page.history, tables.history())?;
    }
    let mut once = String::new();
    for page in tables.pages() {
        load(&mut once, "IGNORE", &page.history, tables.history())?;
    }
    if let Some(newest) = tables.pages().last() {
        load(&mut once, "REPLACE", &newest.latest, tables.latest())?;
    }
    for (way, sql) in [("LOAD DATA, both tables page by page", both), ("LOAD DATA, latest once", once)] {
        bench.now(way)?;
        tables.make_in(servers, DATABASE)?;
        servers.settle()?;
        let before = servers.cpu()?;
        let ran = servers.run(DATABASE, &sql)?;
        let history = tables.history().name();
        let rows = servers.value(&format!("SELECT COUNT(*) FROM {DATABASE}.{history}"))?;
        let sample = Sample::of(rows, ran.seconds).with("cpu client", ran.cpu);
        let sample = servers.charge(sample, before)?;
        results.add(way, sample.with("bytes a quote", servers.bytes(DATABASE, history)? / rows));
    }
    Ok(())
}

/// Adds the statement that loads `file`, which commits by itself.
fn load(script: &mut String, how: &str, file: &Path, table: &Table) -> anyhow::Result<()> {
    let (name, columns) = (table.name(), table.columns());
    writeln!(
        script,
        "LOAD DATA LOCAL INFILE '{}' {how} INTO TABLE {name} CHARACTER SET utf8mb4 ({columns});",
        file.display()
    )?;
    Ok(())
}

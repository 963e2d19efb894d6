//! What scripts do with the server: bulk upserts of the rows that coinpipe writes, and the way of the script that
//! coinpipe took the place of.

use crate::bench::Bench;
use crate::bench::input::Input;
use crate::bench::results::Results;
use crate::bench::servers::Servers;
use crate::bench::tables::Tables;

use super::{Python, measured, text};

/// The database that they load into.
const DATABASE: &str = "scripts";
/// Pages that the script's way gets: a few, because it takes a second for each.
const PAGES: usize = 4;

pub(in crate::bench) fn measure(
    bench: &Bench<'_>,
    python: &Python,
    servers: &Servers,
    tables: &Tables,
    input: &Input,
    results: &mut Results,
) -> anyhow::Result<()> {
    let port = servers.port().to_string();
    let way = "executemany, both tables";
    bench.now(way)?;
    tables.make_in(servers, DATABASE)?;
    servers.settle()?;
    let before = servers.cpu()?;
    let ran = python.run(bench, "executemany.py", |command| {
        command.args([&port, DATABASE, tables.latest().name(), tables.history().name()]);
        command.arg(tables.latest().columns()).arg(tables.history().columns());
        for page in tables.pages() {
            command.args([text(&page.latest), text(&page.history)]);
        }
    })?;
    results.add(way, servers.charge(measured(&ran)?, before)?);

    let way = "the Python script's way, latest only";
    bench.now(way)?;
    servers.make_empty(DATABASE)?;
    servers.settle()?;
    let before = servers.cpu()?;
    let ran = python.run(bench, "script.py", |command| {
        command.args([&port, DATABASE]).args(input.plain().take(PAGES));
    })?;
    results.add(way, servers.charge(measured(&ran)?, before)?);
    Ok(())
}

//! What SQLite takes at most from Python: a bulk upsert of the rows that coinpipe writes, with its guards.

use std::path::PathBuf;

use crate::bench::input::Input;
use crate::bench::results::Results;
use crate::bench::{Bench, child};

use super::{Python, measured, text};

/// The rows that coinpipe writes into a SQLite file, page by page.
pub(in crate::bench) struct Dumps(Vec<PathBuf>);

impl Dumps {
    /// Has coinpipe load each page by itself and keeps what it wrote.
    pub(in crate::bench) fn make(bench: &Bench<'_>, python: &Python, input: &Input) -> anyhow::Result<Self> {
        bench.now("seeing which rows coinpipe writes into SQLite for each page")?;
        let folder = bench.folder.join("sqlite-rows");
        std::fs::create_dir_all(&folder)?;
        let mut dumps = Vec::new();
        for (page, number) in input.pages().iter().zip(1..) {
            let mut replay = bench.programs.command("coinpipe");
            replay.args(["replay", "--files"]).arg(page).current_dir(&folder);
            child::run(replay.env("COINPIPE__HTTP__LISTEN", "off"), &bench.interrupt)?;
            let dump = folder.join(format!("page-{number:04}.pickle"));
            python.run(bench, "sqlite.py", |command| {
                command.arg("dump").arg(folder.join("coinpipe.db")).arg(&dump);
            })?;
            dumps.push(dump);
        }
        Ok(Self(dumps))
    }
}

pub(in crate::bench) fn measure(
    bench: &Bench<'_>,
    python: &Python,
    dumps: &Dumps,
    results: &mut Results,
) -> anyhow::Result<()> {
    let way = "sqlite3 bulk upsert, both tables";
    bench.now(way)?;
    let file = bench.folder.join("bulk.db");
    let ran = python.run(bench, "sqlite.py", |command| {
        command.arg("load").arg(&file).args(dumps.0.iter().map(|dump| text(dump)));
    })?;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    results.add(way, measured(&ran)?);
    Ok(())
}

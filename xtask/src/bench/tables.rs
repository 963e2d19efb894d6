//! The two tables of quotes as coinpipe's migrations make them, whatever their layout is, and the rows that it writes
//! into them for each page. What is compared with coinpipe loads the same rows into the same tables.
//!
//! Found, not known: the history is the table whose key holds the time, among those with a price.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::input::Input;
use super::servers::Servers;
use super::{Bench, child};

/// Where coinpipe loads page after page, to see what it writes.
const REFERENCE: &str = "reference";

/// The rows of one page, as files for `LOAD DATA`.
pub(super) struct PageRows {
    pub(super) latest: PathBuf,
    pub(super) history: PathBuf,
}

/// The tables, and the rows of each page.
pub(super) struct Tables {
    latest: Table,
    history: Table,
    pages: Vec<PageRows>,
}

/// One table.
pub(super) struct Table {
    name: String,
    /// Those that can be written, in their order.
    columns: Vec<String>,
}

impl Table {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its columns, separated by commas.
    pub(super) fn columns(&self) -> String {
        self.columns.join(", ")
    }
}

impl Tables {
    /// Has coinpipe load each page by itself and keeps what it wrote, in `folder`, which must not have such files: the server writes over none.
    pub(super) fn find(
        bench: &Bench<'_>,
        servers: &Servers,
        input: &Input,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        bench.now("seeing which rows coinpipe writes for each page")?;
        servers.migrate(bench, REFERENCE)?;
        let name = history_of(servers, REFERENCE)?;
        let history = Table { columns: columns(servers, &name)?, name };
        let name = latest_of(servers, REFERENCE)?;
        let latest = Table { columns: columns(servers, &name)?, name };
        std::fs::create_dir_all(folder)?;
        let mut pages = Vec::new();
        for (page, number) in input.pages().iter().zip(1..) {
            let queue = bench.folder.join("reference.db");
            let mut replay = bench.programs.command("coinpipe");
            replay.args(["replay", "--files"]).arg(page).current_dir(&bench.folder);
            replay.env("COINPIPE__QUEUE__URL", format!("sqlite://{}", queue.display()));
            replay.env("COINPIPE__STORE__URL", servers.url(REFERENCE)).env("COINPIPE__HTTP__LISTEN", "off");
            child::run(&mut replay, &bench.interrupt)?;
            let rows = PageRows {
                latest: dump(servers, &latest, &folder.join(format!("latest-{number:04}.tsv")))?,
                history: dump(servers, &history, &folder.join(format!("history-{number:04}.tsv")))?,
            };
            servers.query(&format!("TRUNCATE TABLE {REFERENCE}.{}", history.name))?;
            pages.push(rows);
        }
        Ok(Self { latest, history, pages })
    }

    /// The table of newest quotes.
    pub(super) fn latest(&self) -> &Table {
        &self.latest
    }

    /// The table of all quotes.
    pub(super) fn history(&self) -> &Table {
        &self.history
    }

    /// The rows of each page.
    pub(super) fn pages(&self) -> &[PageRows] {
        &self.pages
    }

    /// An empty database `name` with tables like these.
    pub(super) fn make_in(&self, servers: &Servers, name: &str) -> anyhow::Result<()> {
        servers.make_empty(name)?;
        for table in [&self.latest.name, &self.history.name] {
            servers.query(&format!("CREATE TABLE {name}.{table} LIKE {REFERENCE}.{table}"))?;
        }
        Ok(())
    }
}

/// The name of the table that holds all quotes in `database`.
pub(super) fn history_of(servers: &Servers, database: &str) -> anyhow::Result<String> {
    one(servers, database, "IN", "history")
}

fn latest_of(servers: &Servers, database: &str) -> anyhow::Result<String> {
    one(servers, database, "NOT IN", "newest quotes")
}

/// The one table with a price whose key has, or has not, the time.
fn one(servers: &Servers, database: &str, is: &str, what: &str) -> anyhow::Result<String> {
    let found = servers.query(&format!(
        "SELECT c.table_name FROM information_schema.columns AS c JOIN information_schema.tables AS t \
         ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' \
         WHERE c.table_schema = '{database}' AND c.column_name = 'price' AND c.table_name {is} ( \
             SELECT table_name FROM information_schema.statistics WHERE table_schema = '{database}' \
             AND index_name = 'PRIMARY' AND column_name = 'last_updated')"
    ))?;
    let mut names = found.lines().map(str::to_owned);
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        _ => bail!("there is not one table of the {what} but {found:?}"),
    }
}

fn columns(servers: &Servers, table: &str) -> anyhow::Result<Vec<String>> {
    let found = servers.query(&format!(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = '{REFERENCE}' \
         AND table_name = '{table}' AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position"
    ))?;
    Ok(found.lines().map(str::to_owned).collect())
}

/// Writes the rows of `table`, in the order of the page, as `LOAD DATA` reads them.
fn dump(servers: &Servers, table: &Table, file: &Path) -> anyhow::Result<PathBuf> {
    let order = if table.columns.iter().any(|name| name == "cmc_rank") { " ORDER BY cmc_rank" } else { "" };
    servers
        .query(&format!(
            "SELECT {} INTO OUTFILE '{}' CHARACTER SET utf8mb4 FROM {REFERENCE}.{}{order}",
            table.columns(),
            file.display(),
            table.name,
        ))
        .context("the server cannot write files here")?;
    Ok(file.to_owned())
}

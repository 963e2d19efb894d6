//! How it gets slower as the history grows, forwards as in daily life and backwards as in a backfill.
//!
//! Most of the history is copied there by the server itself, one snapshot an hour after, or before, the other; the last
//! snapshots before each size come through the pipeline, measured. What people ask is measured at each size, too.

use std::fmt::Write;

use super::input::Input;
use super::results::{Results, Sample};
use super::servers::Servers;
use super::tables::Tables;
use super::{Bench, child, lines, replay};

/// The database that grows, and the one with the snapshot that is copied.
const DATABASE: &str = "growth";
const SOURCE: &str = "growth_source";
/// Sizes of the history in quotes.
const SIZES: [(&str, f64); 3] = [("0.1 million", 1e5), ("1 million", 1e6), ("10 million", 1e7)];
/// When the first snapshot is, in both directions.
const FIRST: &str = "2026-01-01 00:00:00";
/// How often each query is asked, of different coins and hours.
const QUERIES: u32 = 20;
/// Steps of pruning at the end.
const STEPS: &str = "20";

/// Where the time goes.
#[derive(Clone, Copy)]
enum Way {
    Forwards,
    Backwards,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Forwards => "forwards",
            Self::Backwards => "backwards",
        }
    }

    /// Hours from one snapshot to the next.
    const fn hours(self) -> i64 {
        match self {
            Self::Forwards => 1,
            Self::Backwards => -1,
        }
    }
}

/// The name of what was measured.
pub(super) fn name(way: &str, size: &str) -> String {
    format!("history {way}, {size}")
}

pub(super) fn measure(bench: &Bench<'_>, servers: &Servers, results: &mut Results) -> anyhow::Result<()> {
    let folder = bench.folder.join("growth");
    let first = format!("{}Z", FIRST.replace(' ', "T"));
    let snapshot = Input::make_at(bench, &folder.join("source"), 1, &first, 60)?;
    let tables = Tables::find(bench, servers, &snapshot, &folder.join("rows"))?;
    tables.make_in(servers, SOURCE)?;
    for page in tables.pages() {
        let (file, columns) = (page.history.display(), tables.history().columns());
        let into = format!("{} CHARACTER SET utf8mb4 ({columns})", tables.history().name());
        servers.run(SOURCE, &format!("LOAD DATA LOCAL INFILE '{file}' INTO TABLE {into}"))?;
    }
    for way in [Way::Forwards, Way::Backwards] {
        servers.migrate(bench, DATABASE)?;
        let mut growth = Growth { bench, servers, tables: &tables, way, snapshots: 0 };
        for (size, quotes) in
            SIZES.into_iter().filter(|(_, quotes)| *quotes <= f64::from(bench.args.growth_to))
        {
            let pages = folder.join(format!("{}-{}", way.name(), size.replace(' ', "-")));
            let sample = growth.to(quotes, &pages)?;
            results.add(&name(way.name(), size), sample);
            std::fs::remove_dir_all(pages)?;
        }
        bench.now("pruning")?;
        let mut prune = bench.programs.stages(["prune", STEPS]);
        let ran = child::run(prune.envs(servers.settings(DATABASE)), &bench.interrupt)?;
        for line in lines::read(&ran.stdout)? {
            results.add(&format!("prune, filled {}", way.name()), line.sample("stage")?);
        }
    }
    servers.make_empty(DATABASE)
}

/// A history that grows.
struct Growth<'a> {
    bench: &'a Bench<'a>,
    servers: &'a Servers,
    tables: &'a Tables,
    way: Way,
    /// How many are in it.
    snapshots: u32,
}

impl Growth<'_> {
    /// Grows to `quotes` quotes. The last pages come through the pipeline, from `folder`, and are measured.
    fn to(&mut self, quotes: f64, folder: &std::path::Path) -> anyhow::Result<Sample> {
        let (bench, servers, way) = (self.bench, self.servers, self.way.name());
        let pages = bench.args.pages;
        bench.now(&format!("a history of {quotes} quotes, filled {way}"))?;
        self.fill(quotes, pages)?;
        let first = servers.query(&format!(
            "SELECT DATE_FORMAT(TIMESTAMP('{FIRST}') + INTERVAL {} HOUR, '%Y-%m-%dT%H:%i:%sZ')",
            self.hours(self.snapshots)
        ))?;
        let input = Input::make_at(bench, folder, pages, first.trim(), 60 * self.way.hours())?;
        self.snapshots += pages;
        let sample = replay::into(bench, servers, DATABASE, &input)?;
        let held = f64::from(self.snapshots) * input.coins();
        servers.expect(DATABASE, held)?;
        let sample = sample.with("quotes", held);
        let bytes = servers.bytes(DATABASE, self.tables.history().name())?;
        let sample = sample.with("bytes a quote", bytes / held);
        let sample = sample.with("ms a coin's month", self.ask(a_coins_month)?);
        Ok(sample.with("ms the market at an hour", self.ask(the_market_at_an_hour)?))
    }

    /// Hours from the first snapshot to number `snapshot`, from 0.
    fn hours(&self, snapshot: u32) -> i64 {
        i64::from(snapshot) * self.way.hours()
    }

    /// Has the server copy the snapshot, hour after hour, until `pages` are missing from `quotes` quotes.
    fn fill(&mut self, quotes: f64, pages: u32) -> anyhow::Result<()> {
        let (source, columns) = (self.tables.history().name(), self.tables.history().columns());
        let mut script = String::new();
        while f64::from(self.snapshots + pages + 1) * f64::from(self.bench.args.coins) <= quotes {
            let hours = self.hours(self.snapshots);
            let values = columns.replace("last_updated", &format!("last_updated + INTERVAL {hours} HOUR"));
            writeln!(script, "INSERT INTO {source} ({columns}) SELECT {values} FROM {SOURCE}.{source};")?;
            self.snapshots += 1;
        }
        self.servers.run(DATABASE, &script)?;
        self.servers.settle()
    }

    /// Milliseconds for one query of those that `query` makes of a number below [`QUERIES`].
    fn ask(&self, query: fn(&Self, u32) -> String) -> anyhow::Result<f64> {
        let nothing = self.servers.run(DATABASE, "SELECT 1")?.seconds;
        let script: String = (0..QUERIES).map(|number| query(self, number) + ";\n").collect();
        let seconds = self.servers.run(DATABASE, &script)?.seconds;
        Ok((seconds - nothing).max(0.0) * 1000.0 / f64::from(QUERIES))
    }
}

/// One coin over 30 days that end with the newest but `number` days.
fn a_coins_month(growth: &Growth<'_>, number: u32) -> String {
    let source = growth.tables.history().name();
    format!(
        "SELECT COUNT(*), SUM(price), MAX(market_cap) FROM quotes_history WHERE currency = 'USD' \
         AND coin_id = (SELECT coin_id FROM {SOURCE}.{source} ORDER BY cmc_rank LIMIT {}, 1) \
         AND last_updated >= {middle} - INTERVAL 15 DAY AND last_updated < {middle} + INTERVAL 15 DAY",
        number * 37,
        middle = growth.middle(number),
    )
}

/// All coins at one hour.
fn the_market_at_an_hour(growth: &Growth<'_>, number: u32) -> String {
    format!(
        "SELECT COUNT(*), SUM(price), MAX(market_cap) FROM quotes_history WHERE currency = 'USD' \
         AND last_updated >= {at} AND last_updated < {at} + INTERVAL 1 HOUR",
        at = growth.middle(number),
    )
}

impl Growth<'_> {
    /// An instant in the middle of what is there, and another one for each `number`.
    fn middle(&self, number: u32) -> String {
        let hours = self.hours(self.snapshots / 2) + i64::from(number);
        format!("(TIMESTAMP('{FIRST}') + INTERVAL {hours} HOUR)")
    }
}

//! The queries of the README and of docs/tables.md, and snapshots on which they find something.

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, CoinRow, Measure, Quote, Slot};

use testkit::contract::store::sample::{at, chunk, quote, row};

/// All queries for users: those of the README, then those of docs/tables.md.
///
/// # Panics
/// When one of the two files cannot be read.
pub fn documented() -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let read = |file: &str| std::fs::read_to_string(format!("{root}/{file}")).expect("the file is there");
    [read("README.md"), read("docs/tables.md")].iter().flat_map(|markdown| queries(markdown)).collect()
}

/// The SQL statements of `markdown`, in their order: what is in its blocks of `sql`, without comments.
fn queries(markdown: &str) -> Vec<String> {
    let blocks = markdown.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split("--").next().unwrap_or_default());
    let sql = lines.collect::<Vec<_>>().join("\n");
    sql.split(';').map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

/// A snapshot that was due at [`at`]`(seconds)` in the currencies `convert`: coins 1 to `coins`, ranked by their id. A price
/// is the id, times 100 for the second currency, and so on.
pub fn snapshot(seconds: i64, convert: &[&str], coins: u32) -> Chunk {
    let mut snapshot = chunk(&[]);
    let convert: Vec<_> = convert.iter().map(|&currency| currency.to_owned()).collect();
    let slot = Slot::at(at(seconds));
    snapshot.page.batch = BatchId::new(slot, "listings", &convert);
    (snapshot.page.slot, snapshot.page.fetched_at) = (slot, at(seconds + 1));
    let rows = (1..=coins).map(|id| CoinRow {
        quotes: (0..).zip(&convert).map(|(nth, currency)| ranked(id, currency, nth, at(seconds))).collect(),
        ..row(id, 0.0, at(0))
    });
    snapshot.rows = rows.collect();
    (snapshot.page.convert, snapshot.coins_in) = (convert, coins);
    snapshot
}

fn ranked(id: u32, currency: &str, nth: i32, last_updated: DateTime<Utc>) -> Quote {
    let mut quote = quote(currency, f64::from(id) * 100_f64.powi(nth), last_updated);
    for (measure, number) in [
        (Measure::CmcRank, f64::from(id)),
        (Measure::Volume24h, 2e6),
        (Measure::PercentChange24h, f64::from(id) / 10.0),
    ] {
        quote.numbers[measure as usize] = Some(number);
    }
    quote
}

#[cfg(test)]
mod tests {
    #[test]
    fn statements_are_found_without_comments() {
        let markdown =
            "text; no\n```sql\n-- a; comment\nSELECT 1; -- one\nSELECT\n2;\n```\n```sh\nls;\n```\n";
        assert_eq!(super::queries(markdown), ["SELECT 1", "SELECT\n2"]);
    }
}

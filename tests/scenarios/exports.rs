//! Taking quotes along: a price in the terminal, and spans of the history as files.

use tokio::process::Command;

use crate::process::{Folder, program};

#[tokio::test]
async fn a_price_is_told_with_its_past_and_who_shares_the_symbol() {
    let folder = Folder::new();
    folder.run(&["--once"], &[]).await.expect(0);
    let price = folder.run(&["price", "btc", "--last", "30d"], &[]).await.expect(0);
    for part in [
        "Bitcoin (BTC, id 1, rank ",
        " USD, ",
        "24 h ",
        "market cap ",
        "  of 30 d only since ",
        " UTC (1 quote):  ",
        "low ",
        "high ",
    ] {
        assert!(price.stdout.contains(part), "{part:?} is not in:\n{}", price.stdout);
    }
    assert!(price.stderr.contains("SIMULATED"), "{}", price.stderr);
    // By id, slug and name, several at once; in JSON all numbers are there.
    let json = folder.run(&["price", "1", "bitcoin", "Bitcoin", "--json"], &[]).await.expect(0);
    assert!(json.stderr.contains("SIMULATED"), "{}", json.stderr);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    for coin in json.as_array().expect("a list") {
        assert_eq!((&coin["id"], &coin["currency"]), (&1.into(), &"USD".into()), "{coin:#}");
        assert_eq!(coin["quote"]["price"], coin["history"][0]["last"], "{coin:#}");
        assert!(coin["quote"]["price"].as_f64().is_some_and(|price| price > 0.0), "{coin:#}");
    }
    assert_eq!(json.as_array().map(Vec::len), Some(3));
    let none = folder.run(&["price", "no such coin %"], &[]).await.expect(1);
    assert!(none.stderr.contains("is called \"no such coin %\""), "{}", none.stderr);
    let one = folder.run(&["price", "none", "no such coin %", "BTC", "none"], &[]).await.expect(1);
    assert!(one.stdout.starts_with("Bitcoin (BTC, id 1"), "{}", one.stdout);
    let two = "is called \"none\"; no coin with a quote in USD is called \"no such coin %\"\n";
    assert!(one.stderr.contains(two), "{}", one.stderr);
    let none = folder.run(&["price", "BTC", "--currency", "EUR"], &[]).await.expect(1);
    assert!(none.stderr.contains("no quotes in EUR, but in USD"), "{}", none.stderr);

    // One symbol in ten is shared: the best ranked is shown, and the other named. An export wants to know which is meant.
    let shared = folder.run(&["price", "BACR"], &[]).await.expect(0).stdout;
    assert!(shared.contains("  also called so: Lafrair Coin (BACR, id 21998, rank "), "{shared}");
    let shared = folder.run(&["export", "quotes", "--all", "--coin", "BACR", "-"], &[]).await.expect(1);
    assert!(shared.stderr.contains("name it by its id"), "{}", shared.stderr);
    let shared = folder.run(&["export", "quotes", "--all", "--coin", "21998", "-"], &[]).await.expect(0);
    assert_eq!(shared.stdout.lines().count(), 2);
}

/// Wherever prices or their age are shown, they would be taken for real.
#[tokio::test]
async fn what_is_made_up_is_never_shown_without_a_word() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    let top = folder.run(&["top", "--once"], &[]).await.expect(0).stdout;
    assert!(top.starts_with("SIMULATED "), "{top}");
    for args in [
        &["price", "BTC"][..],
        &["price", "BTC", "--json"],
        &["status"],
        &["export", "quotes", "--all", "-"],
        &["archive", "export", "--all", "pages"],
    ] {
        let said = folder.run(args, &[]).await.expect(0);
        assert!(said.stderr.contains("SIMULATED"), "{args:?}: {}", said.stderr);
    }
}

#[tokio::test]
async fn an_export_is_whole_or_not_there() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    let at = |name: &str| folder.0.path().join(name);
    let said = folder.run(&["export", "quotes", "--last", "24h", "quotes.csv"], &[]).await.expect(0);
    assert!(
        said.stderr.contains("exported  50 quotes") && said.stderr.contains("SIMULATED"),
        "{}",
        said.stderr
    );
    // A name that says no known format is no CSV, and a span of no time is a mistake.
    let unknown = folder.run(&["export", "quotes", "--all", "quotes.xlsx"], &[]).await.expect(2);
    assert!(unknown.stderr.contains("--format") && !at("quotes.xlsx").exists(), "{}", unknown.stderr);
    let none = folder.run(&["export", "quotes", "--last", "0d", "none.csv"], &[]).await.expect(2);
    assert!(none.stderr.contains("no time at all"), "{}", none.stderr);
    let text = std::fs::read_to_string(at("quotes.csv")).expect("the file is there");
    assert_eq!(text.lines().count(), 51);
    assert!(text.starts_with("coin_id,currency,price,volume_24h,"), "{text}");
    assert!(!at("quotes.csv.part").exists());
    // A file that is there stays as it is.
    let again = folder.run(&["export", "quotes", "--all", "quotes.csv"], &[]).await.expect(2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(at("quotes.csv")).expect("it is there"), text);
    // One coin, as the price shows it.
    let one =
        folder.run(&["export", "quotes", "--all", "--coin", "bitcoin", "--format", "jsonl", "-"], &[]).await;
    let one: serde_json::Value = serde_json::from_str(&one.expect(0).stdout).expect("one line of JSON");
    let price = folder.run(&["price", "BTC", "--json"], &[]).await.expect(0).stdout;
    let price: serde_json::Value = serde_json::from_str(&price).expect("JSON");
    assert_eq!(one["price"], price[0]["quote"]["price"]);
    assert_eq!(one["batch_id"], price[0]["batch_id"]);
    let empty = folder.run(&["export", "quotes", "--to", "2020-01-01", "old.jsonl"], &[]).await.expect(0);
    assert!(empty.stderr.contains("exported  0 quotes"), "{}", empty.stderr);
    assert_eq!(std::fs::read_to_string(at("old.jsonl")).expect("it is there"), "");
    let missing = folder.run(&["export", "quotes", "--all", "missing/a.csv"], &[]).await.expect(1);
    assert!(missing.stderr.contains("cannot write missing/a.csv.part"), "{}", missing.stderr);
}

/// What other programs make of a Parquet file: types, numbers to the last bit, and `NULL`.
const READ_PARQUET: &str = r#"
import json, polars, sys
quotes, lines = polars.read_parquet(sys.argv[1]), [json.loads(line) for line in open(sys.argv[2])]
types = dict(quotes.schema)
assert types["coin_id"] == types["cmc_rank"] == polars.Int64, types
assert types["price"] == types["max_supply"] == polars.Float64, types
assert types["last_updated"] == types["fetched_at"] == polars.Datetime("ms", "UTC"), types
for column in ["last_updated", "fetched_at"]:
    quotes = quotes.with_columns(polars.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
rows = quotes.to_dicts()
assert rows == lines, (rows[0], lines[0])
print(quotes.height)
"#;

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a skip is told")]
async fn a_parquet_file_is_read_by_others() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    let at = |name: &str| folder.0.path().join(name);
    let said = folder.run(&["export", "quotes", "--all", "quotes.parquet"], &[]).await.expect(0);
    assert!(said.stderr.contains("exported  50 quotes"), "{}", said.stderr);
    let bytes = std::fs::read(at("quotes.parquet")).expect("the file is there");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{} bytes", bytes.len());
    assert!(!at("quotes.parquet.part").exists());
    // A pipe gets the same bytes.
    let command = &["export", "quotes", "--all", "--format", "parquet", "-"];
    let piped = folder.command("coinpipe", command, &[]).output().await.expect("it runs");
    assert!(piped.status.success() && piped.stdout == bytes, "{} bytes", piped.stdout.len());

    folder.run(&["export", "quotes", "--all", "quotes.jsonl"], &[]).await.expect(0);
    // Where benchmarks were run; `cargo xtask bench` makes it.
    let python = program("coinpipe").ancestors().nth(2).expect("target").join("bench/python/bin/python3");
    if !python.exists() {
        eprintln!("skipped: polars reads no Parquet file, as {} is not there", python.display());
        return;
    }
    let read = Command::new(python)
        .args(["-c", READ_PARQUET])
        .args([at("quotes.parquet"), at("quotes.jsonl")])
        .output()
        .await
        .expect("Python runs");
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).trim(),
        "50",
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

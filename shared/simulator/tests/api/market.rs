//! The generated market has the properties, above all the nasty ones, that were measured on the real data.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use simulator::Options;

use crate::client::get;
use crate::start;

const V1: &str = "/v1/cryptocurrency/listings/latest";

/// All rows of the default market, and the number of bytes of the first page of 5,000.
async fn default_market() -> (Vec<Value>, usize) {
    let (simulator, _) = start(Options::default()).await;
    let first = get(&simulator.url(), &format!("{V1}?limit=5000")).await;
    let second = get(&simulator.url(), &format!("{V1}?start=5001&limit=5000")).await;
    (first.rows().into_iter().chain(second.rows()).collect(), first.raw.len())
}

fn usd(row: &Value, field: &str) -> f64 {
    row["quote"]["USD"][field].as_f64().unwrap_or_else(|| panic!("{field} in {row}"))
}

fn share(rows: &[Value], of: impl Fn(&Value) -> bool) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap());
    count(rows.iter().filter(|row| of(row)).count()) / count(rows.len())
}

#[tokio::test]
async fn the_market_is_as_nasty_as_the_real_one() {
    let (rows, bytes) = default_market().await;
    assert_eq!(rows.len(), 10_000);
    assert!((5_000_000..6_500_000).contains(&bytes), "5,000 rows have {bytes} bytes");

    let ids: HashSet<_> = rows.iter().map(|row| row["id"].as_u64()).collect();
    assert_eq!(ids.len(), rows.len(), "ids are unique");
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let mut symbols: HashMap<String, u32> = HashMap::new();
    for row in &rows {
        *symbols.entry(text(row, "symbol")).or_default() += 1;
    }
    let shared = symbols.values().filter(|count| **count > 1).count() * 1_000 / symbols.len();
    assert!((80..130).contains(&shared), "{shared} of 1,000 symbols are shared");
    let folded: HashSet<_> = symbols.keys().map(|symbol| symbol.to_uppercase()).collect();
    assert!(symbols.len() - folded.len() > 50, "case tells symbols apart");
    for nasty in [",", " ", "🚀"] {
        assert!(symbols.keys().any(|symbol| symbol.contains(nasty)), "a symbol with {nasty:?}");
        assert!(rows.iter().any(|row| text(row, "name").contains(nasty)), "a name with {nasty:?}");
    }

    let lowest = rows.iter().map(|row| usd(row, "price")).fold(f64::INFINITY, f64::min);
    assert_eq!(lowest.to_bits(), 5e-18f64.to_bits());
    assert!(rows.iter().all(|row| usd(row, "price") < 1e6));
    let zero_caps = share(&rows, |row| usd(row, "market_cap") == 0.0);
    assert!((0.62..0.66).contains(&zero_caps), "{zero_caps} of the market caps are 0");
    let unlimited = share(&rows, |row| row["max_supply"].is_null());
    assert!((0.3..0.6).contains(&unlimited), "{unlimited} have no max supply");
    for field in ["circulating_supply", "total_supply"] {
        let whole = share(&rows, |row| row[field].is_u64());
        assert!((0.05..0.95).contains(&whole), "{field}: {whole} are written as integers");
    }
    assert!(rows.iter().any(|row| row["quote"]["USD"]["price"] == 1), "a price written as an integer");
    assert!(rows.iter().any(|row| row["total_supply"].as_f64().unwrap() > 9_007_199_254_740_992.0));
    assert!(share(&rows, |row| row["platform"].is_object()) > 0.5, "most are tokens");
    assert!(share(&rows, |row| row["infinite_supply"] == true) > 0.02);
    assert!(rows.iter().any(|row| row["tvl_ratio"].is_number()));
}

#[tokio::test]
async fn ranks_are_places_and_the_known_coins_lead() {
    let (rows, _) = default_market().await;
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["cmc_rank"], index + 1);
    }
    assert!(rows.is_sorted_by(|a, b| usd(a, "market_cap") >= usd(b, "market_cap")));
    assert_eq!((&rows[0]["id"], &rows[0]["symbol"]), (&1.into(), &"BTC".into()));
    let top: HashSet<_> = rows[..20].iter().filter_map(|row| row["id"].as_u64()).collect();
    for id in [1, 1027, 825, 52, 1839, 5426, 3408, 74, 1958, 2010] {
        assert!(top.contains(&id), "{id} is not in the top 20");
    }
    let total: f64 = rows.iter().map(|row| usd(row, "market_cap_dominance")).sum();
    assert!((total - 100.0).abs() < 0.5, "dominances sum up to {total}");
}

#[tokio::test]
async fn quotes_are_one_or_two_minutes_old() {
    let (rows, _) = default_market().await;
    let at = |time: &str| {
        share(&rows, |row| row["last_updated"] == time && row["quote"]["USD"]["last_updated"] == time)
    };
    let (one, two) = (at("2026-11-22T13:59:00.000Z"), at("2026-11-22T13:58:00.000Z"));
    assert!(one > 0.4 && two > 0.4 && (one + two - 1.0).abs() < 1e-9, "{one} {two}");
}

#[tokio::test]
async fn the_same_seed_and_minute_give_the_same_bytes_and_another_seed_does_not() {
    let page = async |seed| {
        let (simulator, _) = start(Options { coins: 300, seed, ..Options::default() }).await;
        get(&simulator.url(), &format!("{V1}?limit=300")).await.text()
    };
    assert_eq!(page(1).await, page(1).await);
    assert_ne!(page(1).await, page(2).await);
}

#[tokio::test]
async fn prices_walk_smoothly_and_percent_changes_fit_the_prices_served_before() {
    let (simulator, clock) = start(Options { coins: 400, ..Options::default() }).await;
    let prices = async || -> HashMap<u64, Value> {
        let rows = get(&simulator.url(), &format!("{V1}?limit=400")).await.rows();
        rows.into_iter().map(|row| (row["id"].as_u64().unwrap(), row)).collect()
    };
    let before = prices().await;
    clock.advance(Duration::from_mins(1));
    let next = prices().await;
    let mut moved = 0;
    for (id, row) in &next {
        let step = usd(row, "price") / usd(&before[id], "price") - 1.0;
        assert!(step.abs() < 0.01, "coin {id} jumped by {step}");
        moved += usize::from(step != 0.0);
    }
    assert!(moved > 250, "{moved} of 400 coins moved");

    clock.advance(Duration::from_mins(59));
    check_changes(&before, &prices().await, "percent_change_1h");
    clock.advance(Duration::from_hours(23));
    let day_later = prices().await;
    check_changes(&before, &day_later, "percent_change_24h");
    for (id, row) in &day_later {
        let then = usd(&before[id], "volume_24h");
        if then > 0.0 {
            let change = (usd(row, "volume_24h") / then - 1.0) * 100.0;
            assert!((change - usd(row, "volume_change_24h")).abs() < 1e-4, "volume of coin {id}");
        }
    }
    clock.advance(Duration::from_hours(89 * 24));
    check_changes(&before, &prices().await, "percent_change_90d");
}

fn check_changes(before: &HashMap<u64, Value>, now: &HashMap<u64, Value>, field: &str) {
    for (id, row) in now {
        let change = (usd(row, "price") / usd(&before[id], "price") - 1.0) * 100.0;
        assert!((change - usd(row, field)).abs() < 1e-7, "{field} of coin {id}: {change}");
    }
}

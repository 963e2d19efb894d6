use domain::wire::{RowsMessage, decode};
use domain::{BatchId, MarketChunk};
use ports::QueueName;
use stage::Output;

use super::*;
use crate::test_page::{instant, meta, now};

const GLOBAL: &str = r#"{"status": {"error_code": "0"}, "data": {
    "active_cryptocurrencies": 9876, "total_exchanges": 800, "btc_dominance": 57.123456, "eth_dominance": 12.345,
    "defi_24h_percentage_change": -1.005, "last_updated": "2026-11-22T13:55:00.000Z", "unknown": [{}],
    "quote": {"USD": {"total_market_cap": 3456789012345.678901, "total_volume_24h": 0, "defi_market_cap": null},
              "EUR": {"total_market_cap": 1}}}}"#;

fn meta_of(kind: MarketKind, convert: &[&str], page: u32) -> PageMeta {
    let convert: Vec<_> = convert.iter().map(|currency| (*currency).to_owned()).collect();
    let convert = kind.currencies(&convert);
    let endpoint = kind.description().endpoint.to_owned();
    let batch = BatchId::new(meta().slot, &endpoint, &convert);
    PageMeta { batch, endpoint, convert, page, pages: page, ..meta() }
}

fn clean_page(kind: MarketKind, body: &str) -> Result<CleanedRows, PageFault> {
    clean(kind, &meta_of(kind, &["USD"], 1), body.as_bytes(), now())
}

/// The only row, by the names of its columns, those without a value left out.
fn row(kind: MarketKind, body: &str) -> Vec<(&'static str, Value)> {
    let cleaned = clean_page(kind, body).unwrap();
    let [Ok(record)] = &cleaned.0[..] else { panic!("{:?}", cleaned.0) };
    let sent = record.by_field(kind).filter_map(|(field, value)| Some((field.column, value?.clone())));
    sent.collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The rule that rejects the answer `data`.
fn check(kind: MarketKind, data: &str, rule: &str) {
    let cleaned = clean_page(kind, &format!(r#"{{"data": {data}}}"#)).unwrap();
    let rules: Vec<_> =
        cleaned.0.iter().filter_map(|row| row.as_ref().err()).map(|reject| reject.rule).collect();
    assert_eq!(rules, [rule], "{data}");
}

#[test]
fn global_metrics_are_read_in_the_currency_of_their_page_and_rounded_as_quotes_are() {
    let number = Value::Number;
    let expected = [
        ("last_updated", Value::Instant(instant("2026-11-22T13:55:00Z"))),
        ("currency", text("USD")),
        ("total_market_cap", number(3_456_789_012_345.68)),
        ("total_volume_24h", number(0.0)),
        ("btc_dominance", number(57.12)),
        ("eth_dominance", number(12.34)),
        ("defi_24h_percentage_change", number(-1.0)),
        ("active_cryptocurrencies", number(9876.0)),
        ("total_exchanges", number(800.0)),
    ];
    let found = row(MarketKind::GlobalMetrics, GLOBAL);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(&expected) {
        // Halves may fall to either side in binary.
        match (&found.1, &expected.1) {
            (Value::Number(one), Value::Number(other)) => assert!((one - other).abs() < 0.011, "{found:?}"),
            _ => assert_eq!(found, expected),
        }
        assert_eq!(found.0, expected.0);
    }
    let meta = meta_of(MarketKind::GlobalMetrics, &["USD", "EUR"], 2);
    let second = clean(MarketKind::GlobalMetrics, &meta, GLOBAL.as_bytes(), now()).unwrap();
    let Ok(record) = &second.0[0] else { panic!("a row") };
    assert_eq!(record.get(MarketKind::GlobalMetrics, "currency"), Some(&text("EUR")));
    // As v3 has quotes.
    let listed = GLOBAL.replace(r#"{"USD": {"total"#, r#"[{"symbol": "USD", "total"#);
    let listed = listed.replace(r#""EUR": {"total_market_cap": 1}}"#, r#"{"symbol": "EUR"}]"#);
    assert_eq!(row(MarketKind::GlobalMetrics, &listed), found);
}

#[test]
fn an_index_keeps_its_constituents_as_they_were_sent() {
    let body = r#"{"data": {"value": "x", "value": 212.5, "value_24h_percentage_change": 1.5, "last_update": "2026-11-22T13:55:00Z",
        "next_update": "2026-11-22T15:00:00Z", "constituents": [{"id": 1,  "weight": 6e1}]}}"#;
    let expected = [
        ("index_name", text("cmc100")),
        ("last_update", Value::Instant(instant("2026-11-22T13:55:00Z"))),
        ("value", Value::Number(212.5)),
        ("value_24h_percentage_change", Value::Number(1.5)),
        ("next_update", Value::Instant(instant("2026-11-22T15:00:00Z"))),
        ("constituents", text(r#"[{"id": 1,  "weight": 6e1}]"#)),
    ];
    assert_eq!(row(MarketKind::Cmc100, body), expected);
}

#[test]
fn a_map_has_active_and_inactive_coins_and_what_is_odd_about_them_counts_as_not_known() {
    let active = r#"{"id": 825, "rank": 3, "name": "Tether", "symbol": "USDT", "slug": "tether", "is_active": 1,
        "first_historical_data": "2015-02-25T13:34:26.000Z", "last_historical_data": "2026-11-22T13:55:00.000Z",
        "platform": {"id": 1027, "name": "Ethereum", "token_address": "0xdac1"}}"#;
    let inactive = r#"{"id": 5, "rank": null, "name": "Gone", "symbol": "G", "slug": "gone", "is_active": 0,
        "first_historical_data": "never", "platform": 7}"#;
    let cleaned = clean_page(MarketKind::Map, &format!(r#"{{"data": [{active}, {inactive}]}}"#)).unwrap();
    let get = |place: usize, column| cleaned.0[place].as_ref().unwrap().get(MarketKind::Map, column).cloned();
    // By id.
    assert_eq!(get(0, "coin_id"), Some(Value::Number(5.0)));
    assert_eq!(
        ["is_active", "cmc_rank", "first_historical_data", "platform"].map(|column| get(0, column)),
        [Some(Value::Flag(false)), None, None, None]
    );
    assert_eq!(
        ["cmc_rank", "is_active", "platform", "token_address"].map(|column| get(1, column)),
        [Some(Value::Number(3.0)), Some(Value::Flag(true)), Some(text("Ethereum")), Some(text("0xdac1"))]
    );
}

#[test]
fn each_way_of_being_no_row_has_its_rule() {
    let feeling = |value: &str, at: &str| format!(r#"{{"value": {value}, "update_time": {at}}}"#);
    let good = "\"2026-11-22T13:55:00Z\"";
    let kind = MarketKind::FearAndGreed;
    check(kind, "[]", "not_a_row");
    check(kind, "{}", "field_missing");
    check(kind, &feeling("null", good), "field_missing");
    check(kind, &feeling("\"35\"", good), "not_a_number");
    check(kind, &feeling("1e999", good), "number_out_of_range");
    check(kind, &feeling("101", good), "bad_count");
    check(kind, &feeling("1.5", good), "bad_count");
    check(kind, &feeling("35", "\"yesterday\""), "bad_instant");
    check(kind, &feeling("35", "\"2026-11-22T14:20:00Z\""), "in_the_future");
    check(kind, &feeling("35", "\"1970-01-01T00:00:00Z\""), "before_bitcoin");
    let global = |from: &str, to: &str| {
        assert!(GLOBAL.contains(from));
        let changed = GLOBAL.replace(from, to);
        changed[changed.find("\"data\": ").unwrap() + 8..changed.len() - 1].to_owned()
    };
    check(MarketKind::GlobalMetrics, &global("\"USD\"", "\"CHF\""), "currency_missing");
    check(
        MarketKind::GlobalMetrics,
        &global("\"total_volume_24h\": 0", "\"total_volume_24h\": -1"),
        "negative_amount",
    );
    let coin =
        |id: &str, name: &str| format!(r#"{{"id": {id}, "name": {name}, "symbol": "S", "slug": "s"}}"#);
    check(MarketKind::Map, &format!("[{}]", coin("0", "\"x\"")), "bad_id");
    check(MarketKind::Map, &format!("[{}]", coin("1", "7")), "bad_text");
    check(MarketKind::Map, &format!("[{}]", coin("1", &format!("\"{}\"", "x".repeat(256)))), "text_too_long");
    check(MarketKind::Map, &format!("[{0}, {0}]", coin("1", "\"x\"")), "duplicate_id");
}

#[test]
fn pages_that_are_none_are_told_as_those_of_listings() {
    for (body, code) in [
        ("<html>", "bad_json"),
        (r#"{"data": null}"#, "not_a_listing"),
        (r#"{"status": {"error_code": 1001}}"#, "source_error"),
    ] {
        for kind in MarketKind::ALL {
            assert_eq!(clean_page(kind, body).err().unwrap().code(), code, "{kind} {body}");
        }
    }
    assert_eq!(clean_page(MarketKind::Map, r#"{"data": {}}"#).err().unwrap().code(), "not_a_listing");
    let many = format!(r#"{{"data": [{}0]}}"#, "0,".repeat(MAX_COINS));
    assert_eq!(clean_page(MarketKind::Map, &many).err().unwrap().code(), "too_many_coins");
}

fn decoded(output: &Output) -> MarketChunk {
    match decode(&output.message.body).unwrap() {
        RowsMessage::Market(chunk) => chunk,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_travel_in_chunks_and_rejects_in_letters() {
    let coins: Vec<_> = (1..=5)
        .rev()
        .map(|id| format!(r#"{{"id": {id}, "name": "N", "symbol": "S", "slug": "s"}}"#))
        .collect();
    let body = format!(r#"{{"data": [{}, 7]}}"#, coins.join(","));
    let meta = meta_of(MarketKind::Map, &["USD"], 1);
    let cleaned = clean_page(MarketKind::Map, &body).unwrap();
    assert_eq!((cleaned.passed(), cleaned.rejected()), (5, 1));
    let all = outputs(MarketKind::Map, &meta, &cleaned, 4, now()).unwrap();
    let to: Vec<_> = all.iter().map(|output| output.to).collect();
    assert_eq!(to, [QueueName::Rows, QueueName::Rows, QueueName::Dead]);
    let chunks = [decoded(&all[0]), decoded(&all[1])];
    assert_eq!(all[1].message.id.as_str(), "2026-11-22T14:00:00Z/map/-/p1/c2");
    assert_eq!(chunks.each_ref().map(|chunk| chunk.records.len()), [4, 1]);
    assert_eq!((chunks[1].head.coins_in, chunks[1].head.rejected, chunks[1].head.chunks), (2, 1, 2));
    let letter = domain::DeadLetter::from_message(all[2].message.clone(), now());
    assert_eq!(
        (letter.code.as_str(), letter.reason.as_str()),
        ("not_a_row", "1 of 2 rows of page 1 was rejected: not_a_row ×1")
    );
    // An empty page is a chunk, so that its batch can be complete.
    let empty = clean_page(MarketKind::Map, r#"{"data": []}"#).unwrap();
    let all = outputs(MarketKind::Map, &meta, &empty, 4, now()).unwrap();
    assert_eq!((all.len(), decoded(&all[0]).records.len()), (1, 0));
}

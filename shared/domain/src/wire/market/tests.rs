use bytes::Bytes;

use super::*;
use crate::api_version::ApiVersion;
use crate::batch::BatchId;
use crate::page::PageMeta;
use crate::slot::Slot;
use crate::timestamp;
use crate::wire::tests::unhex;
use crate::wire::{RowsMessage, decode};

const GOLDEN_MARKET_V1: &str = include_str!("../golden/market_v1.hex");

fn chunk(kind: MarketKind, records: Vec<Record>) -> MarketChunk {
    let at = |text| timestamp::from_text(text).unwrap();
    let slot = Slot::at(at("2026-11-22T14:00:00Z"));
    let convert = kind.currencies(&["USD".to_owned()]);
    let endpoint = kind.description().endpoint;
    let head = Chunk {
        page: PageMeta {
            batch: BatchId::new(slot, endpoint, &convert),
            slot,
            page: 1,
            pages: 1,
            fetched_at: at("2026-11-22T14:00:01.234Z"),
            endpoint: endpoint.to_owned(),
            api_version: ApiVersion::V3,
            convert,
            currency: None,
            simulated: true,
            origin: Origin::Live,
        },
        chunk: 1,
        chunks: 1,
        size: None,
        sorted: false,
        replay: None,
        transformed_at: at("2026-11-22T14:00:02Z"),
        coins_in: 1,
        rejected: 0,
        rows: Vec::new(),
    };
    MarketChunk { kind, head, records }
}

/// The chunk whose bytes are frozen. Never change it.
fn golden() -> MarketChunk {
    let values = vec![
        Some(Value::Instant(timestamp::from_text("2026-11-22T13:50:00Z").unwrap())),
        Some(Value::Number(35.0)),
        None,
    ];
    chunk(MarketKind::FearAndGreed, vec![Record { values }])
}

fn map_row(id: f64, active: Option<bool>) -> Record {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let mut values = vec![Some(Value::Number(id)), text("BTC"), text("Bitcoin"), text("bitcoin"), None];
    values.push(active.map(Value::Flag));
    values.resize(MarketKind::Map.description().fields.len(), None);
    Record { values }
}

fn open(bytes: Vec<u8>) -> Result<RowsMessage, WireError> {
    decode(&Bytes::from(bytes))
}

/// The bytes of `golden`, with its payload changed.
fn changed(change: impl Fn(&[u8]) -> Vec<u8>) -> Result<RowsMessage, WireError> {
    let payload = change(&encode_market(&golden())[HEADER_BYTES..]);
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend(payload);
    envelope::seal(&mut bytes, SCHEMA_MARKET_V1);
    open(bytes)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn golden_bytes_still_decode_and_are_still_written() {
    let bytes = unhex(GOLDEN_MARKET_V1);
    assert_eq!(encode_market(&golden()), bytes, "bytes changed: make a new schema id instead");
    assert_eq!(open(bytes), Ok(RowsMessage::Market(golden())));
}

#[test]
fn every_kind_of_value_comes_back_and_so_does_a_rebuild() {
    let mut chunk = chunk(MarketKind::Map, vec![map_row(1.0, Some(true)), map_row(2.0, None)]);
    chunk.head.page.origin = Origin::Rebuild;
    assert_eq!(open(encode_market(&chunk)), Ok(RowsMessage::Market(chunk)));
}

#[test]
fn what_a_later_version_knows_is_said_by_its_name() {
    let mut unknown = golden();
    unknown.head.page.endpoint = "altcoin-season".to_owned();
    let kind = open(encode_market(&unknown)).unwrap_err();
    let column = changed(|payload| replaced(payload, b"value_classification", b"value_classificatiom"));
    let column = column.unwrap_err();
    for (error, name) in [(kind, "altcoin-season"), (column, "fear-and-greed: value_classificatiom")] {
        assert_eq!(error.code(), "unsupported_schema");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn rows_that_make_no_sense_are_refused() {
    let twice = changed(|payload| replaced(payload, b"\x14value_classification", b"\x05value"));
    assert_eq!(twice.unwrap_err().code(), "senseless");
    let mut short = golden();
    short.records[0].values.pop();
    let mut lacking = golden();
    lacking.records[0].values[1] = None;
    let mut infinite = golden();
    infinite.records[0].values[1] = Some(Value::Number(f64::INFINITY));
    let mut long = golden();
    long.records[0].values[2] = Some(Value::Text("x".repeat(Value::MOST_JSON_BYTES + 1)));
    let mut retyped = golden();
    retyped.records[0].values[0] = Some(Value::Number(1.0));
    for chunk in [short, lacking, infinite, long, retyped] {
        assert_eq!(open(encode_market(&chunk)).unwrap_err().code(), "senseless");
    }
    let left = changed(|payload| [payload, &[0]].concat());
    assert_eq!(left.unwrap_err().code(), "wrong_length");
}

/// Each of these rows takes 16 bytes on the wire and some 500 in memory.
#[test]
fn rows_that_would_fill_the_memory_are_given_up() {
    let empty = || Some(Value::Text(String::new()));
    let mut values = vec![Some(Value::Number(1.0)), empty(), empty(), empty()];
    values.resize(MarketKind::Map.description().fields.len(), None);
    let rows = vec![Record { values }; 200_000];
    assert_eq!(open(encode_market(&chunk(MarketKind::Map, rows))).unwrap_err().code(), "too_dense");
}

use domain::wire::{RowsMessage, crc32c, decode};
use domain::{BatchId, Class, Headers, MAX_PAGE_BYTES, Origin, Slot, compress_body, header};
use testkit::clock::ManualClock;

use super::*;
use crate::test_page::{TestCoin, body, instant, meta};

fn transformer() -> Transformer {
    Transformer::new(
        config::Config::defaults().transform,
        Arc::new(ManualClock::default()),
        &Metrics::default(),
    )
}

fn message(body: &[u8]) -> Message {
    meta().to_message(compress_body(body))
}

/// The message is rejected as poison with this code.
async fn check(message: &Message, expected: &str) {
    match transformer().handle(message).await {
        Err(Failure::Reject { class: Class::Poison, code, reason }) => assert_eq!(code, expected, "{reason}"),
        other => panic!("{expected}: {other:?}"),
    }
}

#[tokio::test]
async fn a_page_becomes_chunks_on_the_rows_queue() {
    let coins: Vec<_> = (1..=1001).map(|id| TestCoin::new(id).json()).collect();
    let outputs = transformer().handle(&message(&body(&coins))).await.unwrap();
    let ids: Vec<_> = outputs.iter().map(|output| (output.to, output.message.id.as_str())).collect();
    assert_eq!(
        ids,
        [
            (QueueName::Rows, "2026-11-22T14:00:00Z/listings/USD/p1/c1"),
            (QueueName::Rows, "2026-11-22T14:00:00Z/listings/USD/p1/c2"),
        ]
    );
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_rejected_with_its_code() {
    let page = message(&body(&[]));
    for (name, _) in page.headers.clone().iter() {
        let mut page = page.clone();
        page.headers.remove(name);
        check(&page, "bad_header").await;
    }
    check(&Message { headers: Headers::new(), ..page.clone() }, "bad_header").await;
    let encoded = |encoding| page.headers.clone().with(header::CONTENT_ENCODING, encoding);
    check(&Message { headers: encoded("br"), ..page.clone() }, "bad_encoding").await;
    check(&Message { body: b"not zstd"[..].into(), ..page.clone() }, "bad_encoding").await;
    check(&Message { body: domain::Bytes::new(), ..page }, "bad_encoding").await;
    check(&message(&vec![b' '; MAX_PAGE_BYTES + 1]), "too_large").await;
    check(&message(b"\xff"), "not_utf8").await;
    check(&message(b"<html>"), "bad_json").await;
    check(&message(b""), "bad_json").await;
    check(&message(b"[]"), "not_a_listing").await;
    check(&message(br#"{"status": {"error_code": 500, "error_message": "busy"}}"#), "source_error").await;
}

#[tokio::test]
async fn the_reason_of_a_fault_says_what_is_wrong() {
    let mut page = message(&body(&[]));
    page.headers.set(header::PAGE, "two");
    let failure = transformer().handle(&page).await.unwrap_err();
    assert_eq!(failure.to_string(), r#"header x-page is "two", not a number"#);
    let failure = transformer().handle(&message(br#"{"data": {"1": {}}}"#)).await.unwrap_err();
    assert_eq!(failure.to_string(), r#"body is not a listing: data is not an array but {"1": {}}"#);
}

/// The checksums of what two whole responses became when schema 5 was new: no byte may change.
#[tokio::test]
async fn whole_responses_become_the_same_messages_byte_for_byte() {
    for (file, origin, simulated, expected) in [
        ("v1", Origin::Rebuild, true, [0x0e76_d3b8, 0xf497_7e4d, 0xc5c7_a665, 0xaeb6_60c4]),
        ("v3", Origin::Replay, false, [0x171c_3d4c, 0x7b80_ac80, 0xc0d9_ca88, 0xd8dc_8f4a]),
    ] {
        let path = format!("{}/../../tests/data/listings_{file}.json", env!("CARGO_MANIFEST_DIR"));
        let convert = vec!["USD".to_owned(), "EUR".to_owned()];
        let now = instant("2026-11-22T14:00:05Z");
        let slot = Slot::at(now);
        let batch = BatchId::new(slot, "listings", &convert);
        let meta = PageMeta { batch, slot, pages: 1, fetched_at: now, convert, simulated, origin, ..meta() };
        let page = meta.to_message(compress_body(&std::fs::read(path).unwrap()));
        let settings = config::Transform { chunk_coins: 3, ..config::Config::defaults().transform };
        let clock = ManualClock::starting_at(now);
        let transformer = Transformer::new(settings, Arc::new(clock), &Metrics::default());
        let outputs = transformer.handle(&page).await.unwrap();
        let found: Vec<_> = outputs.iter().map(|output| crc32c(&output.message.body)).collect();
        assert_eq!(found, expected, "{file}");
    }
}

#[tokio::test]
async fn a_page_of_a_kind_is_known_by_its_endpoint() {
    let endpoint = MarketKind::FearAndGreed.description().endpoint.to_owned();
    let convert = MarketKind::FearAndGreed.currencies(&[]);
    let batch = BatchId::new(meta().slot, &endpoint, &convert);
    let meta = PageMeta { batch, endpoint, convert, pages: 1, ..meta() };
    let body = br#"{"data": {"value": 35, "update_time": "2026-11-22T13:45:00Z"}}"#;
    let outputs = transformer().handle(&meta.to_message(compress_body(body))).await.unwrap();
    let [output] = &outputs[..] else { panic!("{outputs:?}") };
    let decoded = decode(&output.message.body).unwrap();
    assert!(matches!(decoded, RowsMessage::Market(chunk) if chunk.records.len() == 1));
}

use domain::wire::{RowsMessage, decode};
use domain::{Class, DeadLetter, header};
use proptest::prelude::*;

use super::*;
use crate::clean::testing::clean_coins;
use crate::test_page::{TestCoin, body, instant, meta, now};

/// The messages of a page that can be sent.
fn outputs(meta: &PageMeta, cleaned: &Cleaned, chunk_coins: u32, now: DateTime<Utc>) -> Vec<Output> {
    super::outputs(meta, cleaned, chunk_coins, now).unwrap()
}

fn chunks(outputs: &[Output]) -> Vec<Chunk> {
    let rows = outputs.iter().filter(|output| output.to == QueueName::Rows);
    rows.map(|output| match decode(&output.message.body).unwrap() {
        RowsMessage::Chunk(chunk) => chunk,
        RowsMessage::Fetched(_) | RowsMessage::Market(_) | RowsMessage::Schedule(_) => {
            panic!("only chunks are made here")
        }
    })
    .collect()
}

fn letters(outputs: &[Output]) -> Vec<DeadLetter> {
    let dead = outputs.iter().filter(|output| output.to == QueueName::Dead);
    dead.map(|output| DeadLetter::from_message(output.message.clone(), now())).collect()
}

/// A page of as many coins; those at the places `bad` have a negative price.
fn page(coins: u32, bad: &[u32]) -> Vec<TestCoin> {
    let coin = |at| {
        let coin = TestCoin::new(at + 1);
        if bad.contains(&at) { coin.set("quote.price", "-1") } else { coin }
    };
    (0..coins).map(coin).collect()
}

/// In any order the page may have, and with coins that have no id, or that of another.
#[test]
fn coins_are_sorted_by_id_before_they_are_cut() {
    let coin = TestCoin::new;
    let of = |coins: &[TestCoin]| {
        let outputs = outputs(&meta(), &clean_coins(&meta(), coins), 2, now());
        let rejected: Vec<Vec<serde_json::Value>> =
            letters(&outputs).iter().map(|letter| serde_json::from_slice(&letter.body).unwrap()).collect();
        let rejected: Vec<_> = rejected.iter().flatten().map(|one| one["id"].as_u64()).collect();
        let passed: Vec<Vec<_>> =
            chunks(&outputs).iter().map(|chunk| chunk.rows.iter().map(|row| row.coin.id).collect()).collect();
        (passed, rejected)
    };
    let bad = |id| coin(id).set("quote.price", "-1");
    let nameless = || coin(1).remove("id");
    let expected = (vec![vec![2, 5], vec![], vec![30, 400], vec![]], vec![Some(7), Some(9), None]);
    let page = [nameless(), coin(400), bad(7), coin(2), coin(30), bad(9), coin(5)];
    assert_eq!(of(&page), expected);
    let turned: Vec<_> = page.into_iter().rev().collect();
    assert_eq!(of(&turned), expected);
}

#[test]
fn chunks_are_ranges_of_the_source_whatever_was_rejected() {
    let outputs = outputs(&meta(), &clean_coins(&meta(), &page(5, &[0, 1, 3])), 2, now());
    let counts: Vec<_> = chunks(&outputs)
        .iter()
        .map(|chunk| {
            let ids: Vec<_> = chunk.rows.iter().map(|row| row.coin.id).collect();
            (chunk.chunk, chunk.chunks, chunk.coins_in, chunk.rejected, ids)
        })
        .collect();
    assert_eq!(counts, [(1, 3, 2, 2, vec![]), (2, 3, 2, 1, vec![3]), (3, 3, 1, 0, vec![5])]);
}

#[test]
fn a_chunk_says_where_it_comes_from() {
    let outputs = outputs(&meta(), &clean_coins(&meta(), &page(1, &[])), 1000, now());
    let [Output { message, .. }] = &outputs[..] else { panic!("one message") };
    assert_eq!(message.id.as_str(), "2026-11-22T14:00:00Z/listings/USD/p1/c1");
    assert_eq!(message.headers.get(header::BATCH), Some("2026-11-22T14:00:00Z/listings/USD"));
    assert_eq!(message.headers.get(header::ORIGIN), Some("live"));
    assert_eq!(message.headers.get(header::CHUNK_COINS), Some("1000"));
    assert_eq!(message.headers.get(header::CHUNK_ORDER), Some("id"));
    let chunk = chunks(&outputs)[0].clone();
    assert!(!chunk.sorted && chunk.clone().with_headers(&message.headers).sorted);
    assert_eq!((&chunk.page, chunk.transformed_at), (&meta(), now()));
}

#[test]
fn an_empty_page_is_one_chunk_without_rows() {
    let outputs = outputs(&meta(), &clean_coins(&meta(), &[]), 1000, now());
    let [chunk] = &chunks(&outputs)[..] else { panic!("one chunk") };
    assert_eq!((chunk.chunk, chunk.chunks, chunk.coins_in, chunk.rows.len()), (1, 1, 0, 0));
    assert_eq!(outputs.len(), 1);
}

#[test]
fn the_rejects_of_a_chunk_are_one_letter() {
    let outputs = outputs(&meta(), &clean_coins(&meta(), &page(4, &[1, 2, 3])), 3, now());
    let [first, second] = &letters(&outputs)[..] else { panic!("two letters") };
    assert_eq!(first.id.as_str(), "dead/transformer/2026-11-22T14:00:00Z/listings/USD/p1/c1");
    assert_eq!((first.class, first.code.as_str()), (Class::RejectedRows, "price_negative"));
    assert_eq!(first.reason, "2 of 3 coins of page 1 were rejected: price_negative ×2");
    assert_eq!(second.reason, "1 of 1 coins of page 1 was rejected: price_negative ×1");
    assert_eq!(first.headers.get(header::PAGE), Some("1"));
    assert_eq!(first.headers.get(header::CONTENT_ENCODING), None, "the list is not compressed");

    let list: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
    let bad = page(2, &[1])[1].json();
    assert_eq!(
        list[0],
        serde_json::json!({
            "index": 1,
            "id": 2,
            "rule": "price_negative",
            "reason": "price in USD is -1.0: less than zero",
            "raw": bad,
        })
    );
}

#[test]
fn a_letter_about_several_rules_counts_each() {
    let coin = TestCoin::new;
    let coins =
        [coin(1).set("quote.price", "-1"), coin(2).remove("id"), coin(3).set("quote.price", "-2"), coin(4)];
    let outputs = outputs(&meta(), &clean_coins(&meta(), &coins), 1000, now());
    let [letter] = &letters(&outputs)[..] else { panic!("one letter") };
    assert_eq!(letter.code, "several_rules");
    assert_eq!(letter.reason, "3 of 4 coins of page 1 were rejected: price_negative ×2, bad_id ×1");
}

#[test]
fn a_letter_stays_small_enough_for_a_broker() {
    let huge = |id| format!(r#"{{"id": {id}, "name": "{}"}}"#, "\\u0001".repeat(2000));
    let page = body(&(1..=5000).map(huge).collect::<Vec<_>>());
    let cleaned = crate::clean(&meta(), &page, now()).unwrap();
    let outputs = outputs(&meta(), &cleaned, 5000, now());
    let [letter] = &letters(&outputs)[..] else { panic!("one letter") };
    assert!(letter.body.len() < 12 << 20, "{} bytes", letter.body.len());
    let list: Vec<serde_json::Value> = serde_json::from_slice(&letter.body).unwrap();
    assert_eq!(list.len(), 5000, "every reject is listed");
}

/// However the page is cut, and whatever is wrong with as many coins as a page can have.
#[test]
fn a_letter_about_the_longest_page_is_small_enough_too() {
    let quotes = "\\\"".repeat(80);
    let coin =
        |id| format!(r#"{{"id": {id}, "slug": ["{quotes}"], "name": "", "symbol": "", "more": "{quotes}"}}"#);
    let coins: Vec<_> = (1..=crate::coins::MAX_COINS).map(coin).collect();
    let page = body(&coins);
    let cleaned = crate::clean(&meta(), &page, now()).unwrap();
    let outputs = outputs(&meta(), &cleaned, u32::MAX, now());
    let [letter] = &letters(&outputs)[..] else { panic!("one letter") };
    assert!(letter.body.len() < 15 << 20, "{} bytes", letter.body.len());
}

#[test]
fn a_chunk_that_no_broker_takes_is_a_fault_of_the_page() {
    let convert: Vec<_> = (0..300).map(|n| format!("C{n}")).collect();
    let page = PageMeta { convert: convert.clone(), ..meta() };
    let coin = convert.iter().fold(TestCoin::new(1), |coin, currency| coin.also_in(currency));
    let one = clean_coins(&page, &[coin]);
    let cleaned = || {
        let mut cleaned = one.clone();
        cleaned.passed = vec![0; 400];
        cleaned
    };
    let fault = super::outputs(&page, &cleaned(), 1000, now()).unwrap_err();
    assert_eq!(fault.code(), "chunk_too_large");
    assert!(fault.to_string().contains("transform.chunk_coins"), "{fault}");
    assert_eq!(outputs(&page, &cleaned(), 200, now()).len(), 2);
}

/// The fetcher tells it once a change, and here it would be told once a batch.
#[test]
fn a_field_that_the_api_stopped_sending_is_no_letter_of_ours() {
    let coins: Vec<_> = (1..=10).map(|id| TestCoin::new(id).remove("quote.volume_24h")).collect();
    let outputs = outputs(&meta(), &clean_coins(&meta(), &coins), 3, now());
    assert_eq!((letters(&outputs).len(), chunks(&outputs).len()), (0, 4));
}

proptest! {
    #[test]
    fn the_same_page_gives_the_same_messages_at_any_time(
        coins in 0..30_u32,
        bad in proptest::collection::vec(0..30_u32, 0..10),
        chunk_coins in 0..12_u32,
    ) {
        let run = |at| outputs(&meta(), &clean_coins(&meta(), &page(coins, &bad)), chunk_coins, instant(at));
        let (first, again) = (run("2026-11-22T14:00:05Z"), run("2026-11-23T09:00:00Z"));
        let ids = |outputs: &[Output]| -> Vec<_> {
            outputs.iter().map(|output| (output.to, output.message.id.clone())).collect()
        };
        prop_assert_eq!(ids(&first), ids(&again));
        let distinct: std::collections::HashSet<_> = ids(&first).into_iter().collect();
        prop_assert_eq!(distinct.len(), first.len());

        let chunks = chunks(&first);
        prop_assert_eq!(chunks.iter().map(|chunk| chunk.coins_in).sum::<u32>(), coins);
        for chunk in &chunks {
            prop_assert_eq!(chunk.rows.len() + chunk.rejected as usize, chunk.coins_in as usize);
        }
        let listed: usize = letters(&first)
            .iter()
            .map(|letter| serde_json::from_slice::<Vec<serde_json::Value>>(&letter.body).unwrap().len())
            .sum();
        prop_assert_eq!(listed, chunks.iter().map(|chunk| chunk.rejected as usize).sum::<usize>());
    }
}

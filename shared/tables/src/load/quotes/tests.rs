use domain::{Chunk, Measure, Origin};
use testkit::contract::store::sample::{at, chunk, chunk_of, quote, row};

use super::*;
use crate::load::{BatchNumber, rows};

/// The quote of coin 1 that is held: changed at 10, fetched at 20, at price 1.
fn held(quote: Option<Quote>) -> Held {
    let mut held = Held::default();
    let currency = "USD".to_owned();
    let quote = quote.map(Box::new);
    held.extend(vec![HeldQuote { coin_id: 1, currency, last_updated: at(10), fetched_at: at(20), quote }]);
    held
}

fn of(price: f64, last_updated: i64, fetched_at: i64) -> Chunk {
    chunk_of(row(1, price, at(last_updated)), at(fetched_at))
}

/// Whether it wins, and `(written, unchanged, stale)`.
fn judged(chunk: &Chunk, held: &Held) -> (bool, (u64, u64, u64)) {
    let rows = rows(&[chunk], &[BatchNumber { number: 1, is_dropped: false }]);
    let judged = judge(&rows, held, 1);
    let [loaded] = &judged.loaded[..] else { panic!("{judged:?}") };
    (
        judged.latest.new.len() + judged.latest.rebuilt.len() > 0,
        (loaded.written, loaded.unchanged, loaded.stale),
    )
}

#[test]
fn newer_wins_and_only_other_numbers_are_written() {
    const WRITTEN: (u64, u64, u64) = (1, 0, 0);
    const UNCHANGED: (u64, u64, u64) = (0, 1, 0);
    const STALE: (u64, u64, u64) = (0, 0, 1);
    let held = held(Some(quote("USD", 1.0, at(10))));
    for (price, last_updated, fetched_at, wins, counts) in [
        (1.0, 11, 5, true, WRITTEN),
        (2.0, 10, 21, true, WRITTEN),
        (1.0, 10, 21, true, UNCHANGED),
        (1.0, 10, 20, false, UNCHANGED),
        (2.0, 10, 20, false, UNCHANGED),
        (2.0, 10, 19, false, UNCHANGED),
        (2.0, 9, 30, false, STALE),
    ] {
        let what = format!("{price} {last_updated} {fetched_at}");
        let mut chunk = of(price, last_updated, fetched_at);
        assert_eq!(judged(&chunk, &held), (wins, counts), "{what}");
        chunk.page.origin = Origin::Rebuild;
        let rebuilt = if (last_updated, fetched_at) == (10, 20) {
            (true, if price > 1.5 { WRITTEN } else { UNCHANGED })
        } else {
            (wins, counts)
        };
        assert_eq!(judged(&chunk, &held), rebuilt, "rebuild of {what}");
    }
    assert_eq!(judged(&of(1.0, 0, 0), &Held::default()), (true, WRITTEN));
}

#[test]
fn numbers_are_compared_by_their_bits_and_null_is_not_missing() {
    let says_more = |one: &Quote, other: &Quote| !has_numbers_of(one, other);
    let sum = quote("USD", 0.1 + 0.2, at(10));
    assert!(says_more(&sum, &quote("USD", 0.3, at(10))));
    let mut missing = sum.clone();
    missing.missing.insert(Measure::MaxSupply);
    assert!(says_more(&sum, &missing));
    assert!(!says_more(&quote("USD", 0.0, at(0)), &quote("USD", -0.0, at(9))), "tables drop the sign");
}

#[test]
fn only_where_the_instants_are_equal_are_numbers_needed() {
    let held = held(None);
    let needed = |chunk: &Chunk| {
        !held.coins_to_compare(&rows(&[chunk], &[BatchNumber { number: 1, is_dropped: false }])).is_empty()
    };
    assert!(needed(&of(1.0, 10, 21)) && needed(&of(1.0, 10, 20)));
    assert!(!needed(&of(1.0, 10, 19)) && !needed(&of(1.0, 11, 21)) && !needed(&of(1.0, 9, 21)));
    assert!(!needed(&chunk(&[2])));
}

/// What is left to write is in the order of the keys, and the last word of each key.
#[test]
fn of_several_chunks_each_key_is_written_once() {
    let mut late = of(3.0, 30, 31);
    late.rows.extend([row(0, 9.0, at(5)), row(0, 8.0, at(35))]);
    let chunks = [of(1.0, 10, 11), late, of(2.0, 20, 21), of(4.0, 30, 32)];
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let rows = rows(&chunks, &vec![BatchNumber { number: 1, is_dropped: false }; chunks.len()]);
    let Judged { latest, loaded, .. } = judge(&rows, &Held::default(), chunks.len());
    let history = history(&rows);
    let row = |row: &LoadRow<'_>| (row.coin.id, row.last_updated(), row.quote.get(Measure::Price).unwrap());
    assert_eq!(latest.new.iter().map(row).collect::<Vec<_>>(), [(0, at(35), 8.0), (1, at(30), 4.0)]);
    let expected = [(0, at(5), 9.0), (1, at(10), 1.0), (1, at(20), 2.0), (1, at(30), 4.0), (0, at(35), 8.0)];
    assert_eq!(history.new.iter().map(row).collect::<Vec<_>>(), expected);
    let counts: Vec<_> =
        loaded.iter().map(|loaded| (loaded.written, loaded.unchanged, loaded.stale)).collect();
    assert_eq!(counts, [(1, 0, 0), (3, 0, 0), (0, 0, 1), (1, 0, 0)]);
}

/// Of quotes in several currencies, those that stay and those that come; also when newer ones were fetched earlier.
#[test]
fn the_newest_quotes_of_a_coin_tell_when_it_was_fetched_last() {
    let held = |coin_id, currency: &str, last_updated, fetched_at| HeldQuote {
        coin_id,
        currency: currency.to_owned(),
        last_updated: at(last_updated),
        fetched_at: at(fetched_at),
        quote: None,
    };
    let mut all = Held::default();
    all.extend(vec![
        held(1, "USD", 5, 20),
        held(1, "EUR", 5, 15),
        held(2, "USD", 5, 20),
        held(3, "USD", 9, 9),
    ]);
    let chunks = [chunk_of(row(1, 1.0, at(6)), at(10)), chunk_of(row(2, 1.0, at(4)), at(30))];
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let rows = rows(&chunks, &[BatchNumber { number: 1, is_dropped: false }; 2]);
    let newest = judge(&rows, &all, 2).newest_fetches;
    assert_eq!(newest, [(1, at(15)), (2, at(20)), (3, at(9))].into());
    assert_eq!([1, 4].map(|coin| all.newest_fetch(coin)), [Some(at(20)), None]);
}

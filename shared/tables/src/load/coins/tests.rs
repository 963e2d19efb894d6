use domain::{Chunk, Origin};
use testkit::contract::store::sample::{at, chunk_of, row};

use super::*;
use crate::load::{BatchNumber, rows};

fn named(name: &str, fetched_at: i64) -> Chunk {
    let mut row = row(1, 1.0, at(0));
    name.clone_into(&mut row.coin.name);
    chunk_of(row, at(fetched_at))
}

fn seconds(instant: DateTime<Utc>) -> i64 {
    (instant - at(0)).num_seconds()
}

/// Coin 1, described by a name, and when its row says it was seen; and its identities.
fn known(name: &str, row: (i64, i64), names: &[(&str, i64, i64)]) -> KnownCoins<String> {
    let seen = |(first, last)| (at(first), at(last));
    let (first_seen_at, last_seen_at) = seen(row);
    let what = named(name, 0).rows.remove(0).coin.into_inner();
    let identity = |&(name, first, last): &(&str, i64, i64)| {
        let (first_seen_at, last_seen_at) = seen((first, last));
        ((1, name.to_owned()), Known { what: (), first_seen_at, last_seen_at })
    };
    KnownCoins {
        coins: [(1, Known { what, first_seen_at, last_seen_at })].into(),
        identities: names.iter().map(identity).collect(),
    }
}

fn nothing() -> KnownCoins<String> {
    KnownCoins { coins: BTreeMap::new(), identities: BTreeMap::new() }
}

/// What is written when the newest quotes of the coin were fetched at `quotes`, before and after.
fn changed(chunks: &[Chunk], known: &KnownCoins<String>, quotes: (i64, i64)) -> String {
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let rows = rows(&chunks, &vec![BatchNumber { number: 1, is_dropped: false }; chunks.len()]);
    let (before, after) = quotes;
    let key = |coin: &Coin| coin.name.clone();
    let changes = changes(&seen(&rows), known, |_| Some(at(before)), |_| Some(at(after)), key);
    let span = |first, last| format!("{} {}", seconds(first), seconds(last));
    let untold = changes.untold.iter().map(|coin| format!("tell {coin}"));
    let coins = changes.write.new.iter().chain(&changes.write.rebuilt);
    let write = coins.map(|it| format!("write {} {}", it.coin.name, span(it.first_seen_at, it.last_seen_at)));
    let names = changes.names.iter();
    let names = names.map(|it| format!("name {} {}", it.coin.name, span(it.first_seen_at, it.last_seen_at)));
    let again = changes.seen_again.iter().map(|(at, coins)| format!("again {} {coins:?}", seconds(*at)));
    untold.chain(write).chain(names).chain(again).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_description_is_written_when_it_is_new_and_says_something_new() {
    let held = known("a", (5, 20), &[("a", 5, 20)]);
    let quotes = |fetched_at| (20, fetched_at);
    assert_eq!(changed(&[named("a", 10)], &nothing(), (0, 10)), "write a 10 10, name a 10 10");
    assert_eq!(changed(&[named("a", 30)], &held, quotes(30)), "", "its quotes tell it");
    assert_eq!(changed(&[named("b", 30)], &held, quotes(30)), "tell 1, write b 30 30, name b 30 30");
    assert_eq!(
        changed(&[named("b", 20)], &held, quotes(20)),
        "name b 20 20",
        "of equal fetches the first stays"
    );
    assert_eq!(changed(&[named("b", 10)], &held, quotes(20)), "name b 10 10");
    assert_eq!(
        changed(&[named("a", 1)], &held, quotes(20)),
        "write a 1 1, name a 1 1",
        "it was seen before; the statement keeps the newer words"
    );
    let mut rebuild = named("b", 20);
    rebuild.page.origin = Origin::Rebuild;
    assert_eq!(changed(&[rebuild], &held, quotes(20)), "tell 1, write b 20 20, name b 20 20");
}

#[test]
fn of_several_chunks_the_newest_describes() {
    let held = known("a", (5, 20), &[("a", 5, 20), ("b", 1, 60), ("c", 1, 60), ("d", 1, 60)]);
    let all = [named("b", 30), named("c", 40), named("d", 25), named("a", 40)];
    assert_eq!(changed(&all, &held, (20, 40)), "tell 1, write c 25 40, name a 40 40");
    assert_eq!(changed(&[named("b", 30), named("a", 40)], &held, (20, 40)), "", "back to what is held");
}

/// The newest quotes tell of fetches that no row does: neither older words nor an older first fetch take the place of newer ones.
#[test]
fn what_the_quotes_tell_counts_as_what_the_row_says() {
    let held = known("a", (5, 20), &[("a", 5, 20)]);
    assert_eq!(changed(&[named("b", 30)], &held, (40, 40)), "name b 30 30", "older than what is told");
    assert_eq!(changed(&[named("a", 30)], &held, (40, 40)), "");
    assert_eq!(changed(&[named("b", 1)], &held, (40, 40)), "tell 1, write b 1 1, name b 1 1");
    assert_eq!(changed(&[named("b", 50)], &held, (40, 50)), "tell 1, write b 50 50, name b 50 50");
}

/// Its quotes in the snapshot are older than those that are there, or those that are newer were fetched before.
#[test]
fn a_fetch_that_no_quote_tells_is_said_by_the_row() {
    let held = known("a", (5, 20), &[("a", 5, 20)]);
    assert_eq!(changed(&[named("a", 30)], &held, (25, 25)), "again 30 [1]");
    assert_eq!(changed(&[named("b", 30)], &held, (25, 25)), "tell 1, write b 30 30, name b 30 30");
    assert_eq!(changed(&[named("a", 25)], &held, (40, 25)), "again 40 [1]", "newer quotes, fetched earlier");
}

#[test]
fn identities_span_all_fetches_and_only_what_nothing_tells_is_written() {
    let chunks = [named("b", 30), named("a", 40), named("b", 50), named("a", 7)];
    let changed = |names| changed(&chunks, &known("b", (1, 20), names), (20, 50));
    assert_eq!(changed(&[]), "name b 30 50, name a 7 40");
    assert_eq!(changed(&[("b", 1, 20)]), "name a 7 40", "it has that name still");
    assert_eq!(changed(&[("b", 40, 60)]), "name b 30 50, name a 7 40", "it had it earlier");
    assert_eq!(changed(&[("a", 7, 20), ("b", 1, 20)]), "name a 7 40");
    assert_eq!(changed(&[("a", 8, 60), ("b", 1, 20)]), "name a 7 40");
    assert_eq!(changed(&[("a", 1, 60), ("b", 1, 20)]), "");
}

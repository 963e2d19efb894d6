use domain::{Chunk, Origin};
use testkit::contract::store::sample::{at, chunk_of, row};

use super::*;
use crate::load::{BatchNumber, rows};

fn named(name: &str, fetched_at: i64) -> Chunk {
    let mut row = row(1, 1.0, at(0));
    name.clone_into(&mut row.coin.name);
    chunk_of(row, at(fetched_at))
}

fn known(name: &str, first: i64, last: i64) -> BTreeMap<u32, Known<Coin>> {
    let what = named(name, 0).rows.remove(0).coin.into_inner();
    [(1, Known { what, first_seen_at: at(first), last_seen_at: at(last) })].into()
}

/// `write`: the name with the first and last fetch; `again`: the instant.
fn changed(chunks: &[Chunk], known: &BTreeMap<u32, Known<Coin>>) -> String {
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let rows = rows(&chunks, &vec![BatchNumber { number: 1, is_dropped: false }; chunks.len()]);
    let Changes { write, seen_again } = changes(seen(&rows).0, known);
    let seconds = |instant: &DateTime<Utc>| (*instant - at(0)).num_seconds();
    let write = write.new.iter().chain(&write.rebuilt).map(|coin| {
        format!("write {} {} {}", coin.coin.name, seconds(&coin.first_seen_at), seconds(&coin.last_seen_at))
    });
    let again = seen_again.iter().map(|(instant, coins)| format!("again {} {coins:?}", seconds(instant)));
    write.chain(again).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_description_is_written_when_it_is_new_and_says_something_new() {
    let held = known("a", 5, 20);
    assert_eq!(changed(&[named("a", 10)], &BTreeMap::new()), "write a 10 10");
    assert_eq!(changed(&[named("a", 30)], &held), "again 30 [1]");
    assert_eq!(changed(&[named("b", 30)], &held), "write b 30 30");
    assert_eq!(changed(&[named("b", 20)], &held), "", "of equal fetches the first stays");
    assert_eq!(changed(&[named("b", 10)], &held), "");
    assert_eq!(
        changed(&[named("b", 1)], &held),
        "write b 1 1",
        "it was seen before; the statement keeps the newer words"
    );
    let mut rebuild = named("b", 20);
    rebuild.page.origin = Origin::Rebuild;
    assert_eq!(changed(&[rebuild], &held), "write b 20 20");
}

#[test]
fn of_several_chunks_the_newest_describes() {
    let held = known("a", 5, 20);
    let all = [named("b", 30), named("c", 40), named("d", 25), named("a", 40)];
    assert_eq!(changed(&all, &held), "write c 25 40");
    assert_eq!(changed(&[named("b", 30), named("a", 40)], &held), "again 40 [1]", "back to what is held");
}

#[test]
fn identities_span_all_fetches_and_known_ones_are_only_seen_again() {
    let chunks = [named("b", 30), named("a", 40), named("b", 50), named("a", 7)];
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let rows = rows(&chunks, &vec![BatchNumber { number: 1, is_dropped: false }; chunks.len()]);
    let key = |coin: &Coin| (coin.id, coin.name.clone());
    let held = |first, last| Known { what: (), first_seen_at: at(first), last_seen_at: at(last) };
    let changes = |known: &[(&str, i64, i64)]| {
        let known =
            known.iter().map(|(name, first, last)| ((1, (*name).to_owned()), held(*first, *last))).collect();
        let IdentityChanges { write, seen_again } = identity_changes(seen(&rows).1, &known, key);
        let write = write.iter().map(|seen| (seen.coin.name.clone(), seen.first_seen_at, seen.last_seen_at));
        (write.collect::<Vec<_>>(), seen_again.into_iter().collect::<Vec<_>>())
    };
    let (a, b) = (("a".to_owned(), at(7), at(40)), ("b".to_owned(), at(30), at(50)));
    assert_eq!(changes(&[]), (vec![b.clone(), a.clone()], vec![]));
    assert_eq!(changes(&[("a", 7, 20)]), (vec![b], vec![(at(40), vec![1])]), "it had no other");
    assert_eq!(changes(&[("a", 7, 20), ("b", 1, 60)]), (vec![a.clone()], vec![]), "it has two");
    assert_eq!(changes(&[("a", 8, 60), ("b", 1, 60)]), (vec![a], vec![]));
    assert_eq!(changes(&[("a", 1, 60), ("b", 1, 60)]), (vec![], vec![]));
}

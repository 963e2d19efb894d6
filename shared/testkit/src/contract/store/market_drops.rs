//! What [`Drops`] promises of what is fetched beside the quotes: a batch of a kind that was dropped has never been.

use std::sync::Arc;

use domain::{MarketChunk, MarketKind, Origin};
use ports::store::{DropPosition, Drops, Ledger, Proofs, Store};

use super::StoreLab;
use super::market::{Part, full, map, market_chunk, take, vanished};
use super::sample::at;
use crate::contents::Contents;
use crate::memory::MemoryStore;

/// Drops the batch of `chunk`; how many rows went with the mark.
async fn drop_it(lab: &impl StoreLab, chunk: &MarketChunk) -> u64 {
    let (store, batch) = (lab.store(), &chunk.head.page.batch);
    let marked = store.mark_dropped(batch, "nonsense").await.expect("it is marked").expect("it is there");
    let portion = store.drop_portion(batch, DropPosition::START).await.expect("it answers");
    assert_eq!((portion.latest, portion.coins, portion.quotes.len()), (0, 0, 0));
    let record = store.batch(batch).await.expect("it answers").expect("it is on record");
    assert!(record.dropped.is_some() && !record.is_half_dropped, "{record:?}");
    assert_eq!(store.shown_of_dropped().await.expect("it answers"), []);
    marked.rows
}

fn rebuilt(chunk: &MarketChunk) -> MarketChunk {
    let mut again = chunk.clone();
    again.head.page.origin = Origin::Rebuild;
    again
}

/// A row that several batches had is one row, which names the newest: it goes with that one, and comes back when the one before is
/// rebuilt. What is delivered late is left out.
pub async fn of_each_kind_a_dropped_batch_was_never_there(lab: &impl StoreLab) {
    for kind in MarketKind::ALL {
        let (first, bad) =
            (market_chunk(kind, 0, 1, 1, vec![full(kind)]), market_chunk(kind, 60, 1, 1, vec![full(kind)]));
        for chunk in [&first, &bad] {
            lab.store().load_market(chunk).await.expect("loads");
        }
        assert_eq!(drop_it(lab, &bad).await, 1, "{kind}");
        assert_eq!(drop_it(lab, &bad).await, 0, "{kind}: again");
        let loaded = lab.store().load_market(&rebuilt(&bad)).await.expect("answers");
        assert!(loaded.is_dropped && loaded.written == 0, "{kind}: {loaded:?}");
        let rows = lab.contents().market(kind).await;
        assert!(rows.iter().all(|row| row.batch != bad.head.page.batch), "{kind}: {rows:?}");
        lab.store().load_market(&rebuilt(&first)).await.expect("loads");
        let oracle = MemoryStore::new(Arc::new(lab.clock().clone()));
        oracle.load_market(&first).await.expect("memory takes it");
        assert_eq!(lab.contents().market(kind).await, oracle.market(kind).await, "{kind}");

        assert!(lab.store().readmit(&bad.head.page.batch).await.expect("answers"), "{kind}");
        assert!(!lab.store().load_market(&bad).await.expect("loads").is_dropped, "{kind}");
        oracle.load_market(&bad).await.expect("memory takes it");
        assert_eq!(lab.contents().market(kind).await, oracle.market(kind).await, "{kind}: let in again");
    }
}

/// A bad map between two good ones: of the coins that it lacked none vanished, what it made up is gone, and the others are as the
/// other maps say.
pub async fn a_map_that_is_dropped_tells_nothing_and_deletes_no_coin(lab: &impl StoreLab) {
    let (first, bad, last) =
        (map(0, &[&[1, 2, 3]], None), map(60, &[&[1, 9]], None), map(120, &[&[2, 4]], None));
    let oracle = MemoryStore::new(Arc::new(lab.clock().clone()));
    let remember = async |parts: &[Part]| {
        for part in parts {
            match part {
                Part::Chunk(chunk) => drop(oracle.load_market(chunk).await.expect("memory takes it")),
                Part::Fetched(fetched) => oracle.record_fetched(fetched).await.expect("memory takes it"),
            }
        }
    };
    let rebuild = async |parts: &[Part]| {
        for part in parts {
            if let Part::Chunk(chunk) = part {
                lab.store().load_market(&rebuilt(chunk)).await.expect("loads");
            }
        }
    };
    for part in first.iter().chain(&bad) {
        take(lab, part).await;
    }
    assert_eq!(vanished(lab).await, [(1, None), (2, Some(at(60))), (3, Some(at(60))), (9, None)]);
    let Part::Chunk(chunk) = &bad[0] else { panic!("a chunk comes first") };
    assert_eq!(drop_it(lab, chunk).await, 2);
    assert_eq!(vanished(lab).await, [(1, None), (2, None), (3, None)]);
    remember(&first).await;
    rebuild(&first).await;
    assert_eq!(lab.contents().market(MarketKind::Map).await, oracle.market(MarketKind::Map).await);

    // While it is out, its announcement comes once more, and the next map.
    for part in [&bad[1]].into_iter().chain(&last) {
        take(lab, part).await;
    }
    remember(&last).await;
    let told = [(1, Some(at(120))), (2, None), (3, Some(at(120))), (4, None)];
    assert_eq!(vanished(lab).await, told);
    assert_eq!(oracle.vanished().await, told);
    assert_eq!(lab.contents().market(MarketKind::Map).await, oracle.market(MarketKind::Map).await);

    // After others: it was the first to have coin 5, which the last has, too.
    let (odd, after) = (map(180, &[&[2, 4, 5]], None), map(240, &[&[2, 5]], None));
    for part in odd.iter().chain(&after) {
        take(lab, part).await;
    }
    let Part::Chunk(chunk) = &odd[0] else { panic!("a chunk comes first") };
    assert_eq!(drop_it(lab, chunk).await, 1, "coin 4");
    rebuild(&last).await;
    remember(&after).await;
    assert_eq!(lab.contents().market(MarketKind::Map).await, oracle.market(MarketKind::Map).await);
    assert_eq!(vanished(lab).await, oracle.vanished().await);
}

/// Of the first, coins that the next one has are new there; after the only one nothing is left.
pub async fn the_first_and_the_only_map_can_be_dropped(lab: &impl StoreLab) {
    let (first, next) = (map(0, &[&[1, 2], &[3]], None), map(60, &[&[2], &[4]], None));
    for part in first.iter().chain(&next) {
        take(lab, part).await;
    }
    let Part::Chunk(chunk) = &first[0] else { panic!("a chunk comes first") };
    assert_eq!(drop_it(lab, chunk).await, 2);
    let entries = lab.contents().market(MarketKind::Map).await;
    let seen: Vec<_> = entries.iter().map(|entry| entry.seen).collect();
    assert_eq!(seen, [Some((at(60), at(60))); 2]);
    assert_eq!(vanished(lab).await, [(2, None), (4, None)]);
    let Part::Chunk(chunk) = &next[0] else { panic!("a chunk comes first") };
    assert_eq!(drop_it(lab, chunk).await, 2);
    assert_eq!(lab.contents().market(MarketKind::Map).await, []);
}

//! What the ledger promises about a page that was cut into chunks of another size, or fetched again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Chunk;

use super::StoreLab;
use super::sample::{Dice, at, batch, chunk, row};
use ports::store::{BatchRecord, Ledger, Missing, Store};

/// A page of twelve coins that was transformed at [`at`]`(transformed)`, in chunks of `size` coins. Of each, the first coin was
/// rejected.
fn cut(seconds: i64, fetched_at: DateTime<Utc>, transformed: i64, size: u32) -> Vec<Chunk> {
    let coins: Vec<u32> = (1..=12).collect();
    let parts = coins.chunks(size as usize);
    let chunks = u32::try_from(parts.len()).expect("a few");
    let part = |(number, ids): (u32, &[u32])| {
        let mut part = chunk(ids);
        (part.page.batch, part.page.fetched_at) = (batch(seconds), fetched_at);
        (part.chunk, part.chunks, part.size) = (number, chunks, Some(size));
        (part.transformed_at, part.rejected) = (at(transformed), 1);
        part.rows = ids[1..].iter().map(|id| row(*id, f64::from(*id), at(0))).collect();
        part
    };
    (1..).zip(parts).map(part).collect()
}

/// The sums and what is missing, which must be those of the chunks of the newest cut, and of no other.
#[derive(Debug, Default, PartialEq)]
struct Told {
    coins_in: u64,
    rejected: u64,
    quotes: u64,
    missing: Vec<Missing>,
}

fn told(record: &BatchRecord) -> Told {
    Told {
        coins_in: record.coins_in,
        rejected: record.rejected,
        quotes: record.written + record.unchanged + record.stale,
        missing: record.missing.clone(),
    }
}

/// What the ledger must say when these were loaded one after the other: for each number, the chunk that was transformed
/// last counts.
fn expected<'a>(loaded: impl IntoIterator<Item = &'a Chunk>) -> Told {
    let mut rows: BTreeMap<u32, &Chunk> = BTreeMap::new();
    for chunk in loaded {
        let held = rows.entry(chunk.chunk).or_insert(chunk);
        if chunk.transformed_at >= held.transformed_at {
            *held = chunk;
        }
    }
    let newest = rows.values().max_by_key(|chunk| chunk.transformed_at).expect("one at least");
    let cut = |chunk: &Chunk| (chunk.size, chunk.page.fetched_at, chunk.sorted);
    let chunks = newest.chunks;
    let counted = |number: u32| rows.get(&number).filter(|chunk| cut(chunk) == cut(newest));
    let mut told = Told::default();
    for number in 1..=chunks {
        if let Some(chunk) = counted(number) {
            told.coins_in += u64::from(chunk.coins_in);
            told.rejected += u64::from(chunk.rejected);
            told.quotes += chunk.rows.len() as u64;
        } else {
            told.missing.push(Missing::Chunk { page: 1, chunk: number, of: chunks });
        }
    }
    told
}

/// Ten random orders with repeats of a page that was transformed six times: in four chunks, in three, in three others, in four
/// again, fetched anew in three, and sorted in as many.
pub async fn of_a_page_cut_anew_the_newest_cut_alone_counts(lab: &impl StoreLab) {
    let store = lab.store();
    for round in 0..10 {
        let seconds = i64::from(round) * 3600;
        let fetches = [at(1), at(1), at(1), at(1), at(30), at(30)];
        let sizes = [3, 5, 4, 3, 4, 4];
        let mut all: Vec<_> = (10..)
            .zip(fetches.into_iter().zip(sizes))
            .flat_map(|(transformed, (fetched_at, size))| cut(seconds, fetched_at, transformed, size))
            .collect();
        for chunk in all.iter_mut().filter(|chunk| chunk.transformed_at == at(15)) {
            chunk.sorted = true;
        }
        let order = Dice::new(round).shuffle_with_repeats(&all);
        for (count, chunk) in (1..).zip(&order) {
            store.load(chunk).await.expect("loads");
            let record = store.batch(&batch(seconds)).await.expect("answers").expect("is there");
            let loaded = order.iter().take(count);
            let steps =
                || loaded.clone().map(|chunk| (chunk.size, chunk.sorted, chunk.chunk, chunk.transformed_at));
            assert_eq!(told(&record), expected(loaded.clone()), "after {:#?}", steps().collect::<Vec<_>>());
        }
        let record = store.batch(&batch(seconds)).await.expect("answers").expect("is there");
        assert_eq!((record.coins_in, record.is_complete()), (12, true));
    }
}

/// A smaller page has fewer chunks: what is left of the larger one is no part of it.
pub async fn what_a_longer_cut_left_does_not_count(lab: &impl StoreLab) {
    let store = lab.store();
    for chunk in cut(0, at(1), 10, 3).into_iter().chain(cut(0, at(1), 20, 6)) {
        store.load(&chunk).await.expect("loads");
    }
    let record = store.batch(&batch(0)).await.expect("answers").expect("is there");
    assert_eq!((record.coins_in, record.rejected, record.is_complete()), (12, 2, true));
    assert_eq!(record.written + record.unchanged + record.stale, 10);
}

/// Chunks that do not say how large they are, as older versions send them, fit to all of the same number.
pub async fn a_chunk_that_does_not_say_its_size_fits(lab: &impl StoreLab) {
    let store = lab.store();
    let mut chunks = cut(0, at(1), 10, 5);
    chunks[1].size = None;
    chunks[1].transformed_at = at(20);
    for chunk in &chunks {
        store.load(chunk).await.expect("loads");
    }
    let record = store.batch(&batch(0)).await.expect("answers").expect("is there");
    assert_eq!((record.coins_in, record.is_complete()), (12, true));
}

/// Whether or not they say their size.
pub async fn chunks_of_another_number_do_not_fit(lab: &impl StoreLab) {
    let store = lab.store();
    let mut long = cut(0, at(1), 10, 4);
    let mut short = cut(0, at(1), 20, 6);
    for chunk in long.iter_mut().chain(&mut short) {
        chunk.size = None;
    }
    for chunk in [&long[0], &long[1], &short[0]] {
        store.load(chunk).await.expect("loads");
    }
    let record = store.batch(&batch(0)).await.expect("answers").expect("is there");
    assert_eq!((record.coins_in, record.rejected), (6, 1));
    assert_eq!(record.missing, [Missing::Chunk { page: 1, chunk: 2, of: 2 }]);
}

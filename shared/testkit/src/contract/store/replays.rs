//! What the ledger promises about replays: each is counted separately, and a repeat of its messages proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Chunk, Origin, ReplayId};

use super::StoreLab;
use super::sample::{Dice, at, batch, chunk};
use ports::store::{BatchRecord, Ledger, Store};

/// Chunk `number` of `chunks` of page `page` of two, from `replay`; live when there is none.
fn part(page: u32, number: u32, chunks: u32, replay: Option<&str>) -> Chunk {
    let mut part = chunk(&[page * 100 + number]);
    (part.page.page, part.page.pages) = (page, 2);
    (part.chunk, part.chunks, part.size) = (number, chunks, Some(1));
    if let Some(replay) = replay {
        part.page.origin = Origin::Replay;
        part.replay = ReplayId::new(replay);
    }
    part
}

async fn record(lab: &impl StoreLab) -> BatchRecord {
    lab.store().batch(&batch(0)).await.expect("the ledger answers").expect("the batch is there")
}

fn names(record: &BatchRecord, page: u32) -> Vec<&str> {
    record.page_replays.get(&page).into_iter().flatten().map(ReplayId::as_str).collect()
}

/// Two replays at once and live repeats, in ten random orders with repeats: a page has arrived with a replay when every
/// chunk of it has, with that one.
pub async fn a_page_arrives_with_a_replay_when_all_its_chunks_do(lab: &impl StoreLab) {
    let store = lab.store();
    for round in 0..10 {
        let (first, second) = (format!("first-{round}"), format!("second-{round}"));
        let all: Vec<_> = [Some(first.as_str()), Some(&second), None]
            .into_iter()
            .flat_map(|replay| (1..=3).map(move |number| part(1, number, 3, replay)))
            .collect();
        let mut loaded: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for chunk in Dice::new(round).shuffle_with_repeats(&all) {
            store.load(&chunk).await.expect("loads");
            if let Some(replay) = &chunk.replay {
                loaded.entry(replay.to_string()).or_default().insert(chunk.chunk);
            }
            let record = record(lab).await;
            for replay in [&first, &second] {
                let is_whole = loaded.get(replay).is_some_and(|chunks| chunks.len() == 3);
                assert_eq!(names(&record, 1).contains(&replay.as_str()), is_whole, "{loaded:?}");
            }
        }
    }
    assert_eq!((record(lab).await.page_replays[&1].len(), record(lab).await.replays), (20, 0));
}

/// As many as every page of it has; nothing while something is missing.
pub async fn a_batch_has_the_replays_that_all_its_pages_have(lab: &impl StoreLab) {
    for (chunk, expected) in [
        (part(1, 1, 1, None), 0),
        (part(2, 1, 2, Some("a")), 0),
        (part(2, 1, 2, Some("a")), 0),
        (part(2, 2, 2, Some("a")), 0),
        (part(1, 1, 1, Some("a")), 1),
        (part(1, 1, 1, Some("a")), 1),
        (part(1, 1, 1, Some("b")), 1),
        (part(2, 2, 2, Some("b")), 1),
        (part(2, 1, 2, Some("b")), 2),
        // Cut anew: one chunk is all.
        (Chunk { transformed_at: at(1000), ..part(2, 1, 1, Some("c")) }, 2),
        (Chunk { transformed_at: at(1000), ..part(1, 1, 1, Some("c")) }, 3),
    ] {
        lab.store().load(&chunk).await.expect("loads");
        assert_eq!(record(lab).await.replays, expected, "{chunk:?}");
    }
    assert_eq!(names(&record(lab).await, 2), ["a", "b", "c"]);
}

/// Although every page arrived with it once: one was cut anew since.
pub async fn a_batch_with_parts_missing_has_no_replay(lab: &impl StoreLab) {
    for (chunk, expected) in [
        (part(1, 1, 1, Some("a")), 0),
        (part(2, 1, 1, Some("a")), 1),
        (Chunk { transformed_at: at(1000), ..part(2, 1, 2, None) }, 0),
        (Chunk { transformed_at: at(1000), ..part(2, 2, 2, None) }, 1),
    ] {
        lab.store().load(&chunk).await.expect("loads");
        let record = record(lab).await;
        assert_eq!(record.replays, expected, "{chunk:?}");
        assert_eq!(names(&record, 2).len(), usize::from(chunk.page.page == 2), "{chunk:?}");
    }
}

/// Two transformers with different settings, or of two versions, cut the page of one replay: parts of the one are none of the other.
pub async fn parts_of_two_cuts_are_no_whole_replay(lab: &impl StoreLab) {
    let sized = |number, size| Chunk { size: Some(size), ..part(1, number, 2, Some("a")) };
    let sorted = |number, size| Chunk { sorted: true, ..sized(number, size) };
    for (chunk, expected) in
        [(sized(1, 3), 0), (sized(2, 4), 0), (sorted(2, 3), 0), (sorted(2, 4), 0), (sized(2, 3), 1)]
    {
        lab.store().load(&chunk).await.expect("loads");
        assert_eq!(names(&record(lab).await, 1).len(), expected, "{chunk:?}");
    }
}

/// Replays of older versions cannot be told apart.
pub async fn replays_that_do_not_say_which_they_are_are_one(lab: &impl StoreLab) {
    let unnamed = |number| Chunk { replay: None, ..part(1, number, 2, Some("x")) };
    for chunk in [unnamed(1), unnamed(2), unnamed(1), unnamed(2)] {
        lab.store().load(&chunk).await.expect("loads");
    }
    assert_eq!(record(lab).await.page_replays, BTreeMap::from([(1, BTreeSet::from([ReplayId::unnamed()]))]));
}

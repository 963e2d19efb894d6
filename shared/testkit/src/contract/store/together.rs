//! What [`Store::load_all`] promises about chunks that are loaded in one transaction.

use std::sync::Arc;

use domain::{Chunk, Origin};

use super::StoreLab;
use super::rows::numbered_chunks;
use super::sample::{Dice, chunk};
use crate::clock::ManualClock;
use crate::memory::MemoryStore;
use ports::store::{Ledger, Loaded, Store};

/// In random groups, with repeats and rebuilds: what comes out for each chunk, the tables and the ledger are those of a
/// store that loads one after the other.
pub async fn chunks_that_are_loaded_together_are_as_if_one_after_the_other(lab: &impl StoreLab) {
    let oracle = MemoryStore::new(Arc::new(ManualClock::default()));
    let store = lab.store();
    for round in 0..20 {
        let mut dice = Dice::new(round);
        let mut chunks = dice.shuffle_with_repeats(&numbered_chunks(round));
        for chunk in &mut chunks {
            chunk.page.origin = [Origin::Live, Origin::Replay, Origin::Rebuild][dice.below(3)];
            // A rebuild that says otherwise than what it takes the place of.
            if chunk.is_rebuild() {
                for quote in chunk.rows.iter_mut().flat_map(|row| &mut row.quotes) {
                    quote.numbers[0] = quote.numbers[0].map(|price| price + 1000.0);
                }
            }
        }
        let mut left = &chunks[..];
        while !left.is_empty() {
            let (group, rest) = left.split_at(left.len().min(1 + dice.below(6)));
            left = rest;
            let mut expected = Vec::new();
            for chunk in group {
                expected.push(oracle.load(chunk).await.expect("the oracle loads"));
            }
            let together: Vec<&Chunk> = group.iter().collect();
            assert_eq!(store.load_all(&together).await.expect("they load"), expected, "round {round}");
        }
        assert_eq!(lab.tables().await, oracle.tables(), "round {round}");
        assert_eq!(store.batches(9).await.expect("batches"), oracle.batches(9).await.expect("batches"));
    }
    assert_eq!(store.load_all(&[]).await.expect("nothing loads"), []);
}

/// The others of its chunk are loaded, and so are the other chunks.
pub async fn of_chunks_that_are_loaded_together_one_refused_coin_leaves_the_others(lab: &impl StoreLab) {
    let (first, bad, last) = (chunk(&[1, 2]), chunk(&[2, 0, 3]), chunk(&[4]));
    let loaded = lab.store().load_all(&[&first, &bad, &last]).await.expect("they load");
    let refused = |loaded: &Loaded| loaded.refused.iter().map(|refused| refused.coin_id).collect::<Vec<_>>();
    assert_eq!(loaded.iter().map(refused).collect::<Vec<_>>(), [vec![], vec![0], vec![]]);
    let counts: Vec<_> = loaded.iter().map(|loaded| (loaded.written, loaded.unchanged)).collect();
    assert_eq!(counts, [(2, 0), (1, 1), (1, 0)]);
    let tables = lab.tables().await;
    assert_eq!((tables.coins.len(), tables.latest.len(), tables.history.len()), (4, 4, 4));
}

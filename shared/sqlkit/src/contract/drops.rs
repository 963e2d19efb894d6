//! Taking a batch out while others load, and what users see of it.

use std::sync::Arc;

use domain::{Chunk, Origin};
use ports::{DropPosition, Drops, Store};

use super::SqlLab;
use super::snapshot::snapshot;
use testkit::contract::store::rows::numbered_chunks;
use testkit::contract::store::sample::Dice;
use testkit::memory::MemoryStore;

/// How many load at once.
const PROCESSES: u32 = 3;

async fn take_out(store: &impl Drops, bad: &Chunk) {
    let marked = store.mark_dropped(&bad.page.batch, "nonsense").await.expect("it is marked");
    assert!(marked.is_some(), "it is in the ledger");
    let mut next = Some(DropPosition::START);
    while let Some(at) = next {
        next = store.drop_portion(&bad.page.batch, at).await.expect("it is taken out").next;
    }
}

/// Processes race through the same chunks, with those of the batch that is dropped among them: whatever they were about to load,
/// when the drop ends nothing of it is there, and nothing comes after.
pub async fn what_loads_beside_a_drop_brings_nothing_back<L: SqlLab>(setup: impl AsyncFn() -> L)
where
    L::Store: 'static,
{
    let lab = setup().await;
    let mut rest = Vec::new();
    for round in 0..2 {
        let chunks = numbered_chunks(round);
        let bad = chunks[4].clone();
        lab.store().load(&bad).await.expect("loads");
        let mut processes = Vec::new();
        for process in 0..PROCESSES {
            let store = lab.beside().await;
            let mut order = Dice::new(round * PROCESSES + process).shuffle_with_repeats(&chunks);
            order.extend(chunks[4..6].iter().cloned());
            processes.push(tokio::spawn(async move {
                for pair in order.chunks(2) {
                    store.load_all(&pair.iter().collect::<Vec<_>>()).await.expect("loads");
                }
            }));
        }
        take_out(&*lab.store(), &bad).await;
        for process in processes {
            process.await.expect("it loaded all");
        }
        let tables = lab.tables().await;
        let mut quotes = tables.latest.iter().chain(&tables.history);
        assert!(!quotes.any(|entry| entry.batch == bad.page.batch), "round {round}");
        rest.extend(chunks.into_iter().filter(|chunk| chunk.page.batch != bad.page.batch));
        for chunk in &rest {
            let mut again = chunk.clone();
            again.page.origin = Origin::Rebuild;
            lab.store().load(&again).await.expect("loads");
        }
        let oracle = MemoryStore::new(Arc::new(lab.clock().clone()));
        for chunk in &rest {
            oracle.load(chunk).await.expect("memory takes it");
        }
        assert_eq!(lab.tables().await, oracle.tables(), "round {round}");
        assert!(lab.store().readmit(&bad.page.batch).await.expect("it answers"));
    }
}

/// The view shows the coins of the snapshot before, and calls them listed.
pub async fn a_snapshot_that_is_dropped_is_not_the_listed_one<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let (first, second, bad) =
        (snapshot(0, &["USD"], 4), snapshot(3600, &["USD"], 3), snapshot(7200, &["EUR"], 2));
    for chunk in [&first, &second, &bad] {
        lab.store().load(chunk).await.expect("loads");
    }
    take_out(&*lab.store(), &bad).await;
    let sql = "SELECT id, currency, listed FROM cryptocurrencies ORDER BY id";
    let read = lab.client().found(sql, &["id", "currency", "listed"]).await;
    assert_eq!(read, ["1 USD 1", "2 USD 1", "3 USD 1", "4 USD 0"]);
    let sql = "SELECT dropped_why, dropped FROM batches JOIN batch_numbers ON batch_id = id WHERE dropped_at IS NOT NULL";
    assert_eq!(lab.client().found(sql, &["dropped_why", "dropped"]).await, ["nonsense 1"]);
}

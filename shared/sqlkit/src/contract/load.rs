//! Loading beside others, and whole or not at all.

use ports::{Ledger, Store};

use super::SqlLab;
use testkit::contract::store::rows::numbered_chunks;
use testkit::contract::store::sample::{Dice, chunk};
use testkit::memory::MemoryStore;
use testkit::tables::Tables;

/// How many load at once.
const PROCESSES: u32 = 4;

/// Processes race through the same chunks, each in its own order.
pub async fn several_processes_loading_the_same_chunks_give_the_tables_of_one<L: SqlLab>(
    setup: impl AsyncFn() -> L,
) where
    L::Store: 'static,
{
    let lab = setup().await;
    let oracle = MemoryStore::new(std::sync::Arc::new(lab.clock().clone()));
    let mut loads = 0;
    for round in 0..3 {
        let chunks = numbered_chunks(round);
        for chunk in &chunks {
            oracle.load(chunk).await.unwrap();
        }
        let mut processes = Vec::new();
        for process in 0..PROCESSES {
            let store = lab.beside().await;
            let chunks = Dice::new(round * PROCESSES + process).shuffle_with_repeats(&chunks);
            loads += chunks.len();
            processes.push(tokio::spawn(async move {
                for chunk in &chunks {
                    store.load(chunk).await.expect("loads");
                }
            }));
        }
        for process in processes {
            process.await.unwrap();
        }
        assert_eq!(lab.tables().await, oracle.tables(), "round {round}");
        let counted = lab.client().found("SELECT loads FROM batch_chunks", &["loads"]).await;
        let counted = counted.iter().map(|loads| loads.parse::<usize>().expect("a number")).sum::<usize>();
        assert_eq!(counted, loads, "round {round}");
    }
}

/// What cannot be recorded in the ledger is not loaded.
pub async fn rows_and_ledger_row_are_written_together_or_not_at_all<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let store = lab.store();
    lab.client().execute("ALTER TABLE batch_chunks RENAME TO hidden").await;
    let error = store.load(&chunk(&[1, 2])).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("batch_chunks"), "{error}");
    assert_eq!(lab.tables().await, Tables::default());
    lab.client().execute("ALTER TABLE hidden RENAME TO batch_chunks").await;
    assert_eq!(store.batches(9).await.unwrap(), []);
    assert_eq!(store.load(&chunk(&[1, 2])).await.unwrap().written, 2);
}

//! What [`Store`] promises about real and simulated data: they never share a store.

use domain::{Chunk, Fetched};
use tokio::task::JoinSet;

use super::StoreLab;
use super::sample::{batch, chunk, fetched};
use crate::tables::Tables;
use ports::store::{DataKinds, Ledger, Store, StoreError};

fn of_kind(simulated: bool, id: u32) -> Chunk {
    let mut chunk = chunk(&[id]);
    chunk.page.simulated = simulated;
    chunk.page.batch = batch(i64::from(id) * 3600);
    chunk
}

fn announced(simulated: bool) -> Fetched {
    Fetched { simulated, batch: batch(-3600), ..fetched(1) }
}

/// `outcome` is that data of this kind does not belong here.
fn check_refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>, simulated: bool) {
    match outcome {
        Err(error @ StoreError::Mixed { .. }) => {
            assert!(!error.is_transient(), "{error}");
            assert!(
                matches!(error, StoreError::Mixed { simulated: refused } if refused == simulated),
                "{error:?}"
            );
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Nothing of a refused chunk or announcement is written.
pub async fn simulated_data_keeps_real_data_out(lab: &impl StoreLab) {
    let store = lab.store();
    assert_eq!(store.data_kinds().await.expect("answers"), DataKinds::default());
    store.load(&of_kind(true, 1)).await.expect("loads");
    let (tables, batches) = (lab.tables().await, store.batches(10).await.expect("answers"));
    for _ in 0..2 {
        check_refused(store.load(&of_kind(false, 2)).await, false);
        check_refused(store.record_fetched(&announced(false)).await, false);
    }
    assert_eq!(lab.tables().await, tables);
    assert_eq!(store.batches(10).await.expect("answers"), batches);
    assert_eq!(store.data_kinds().await.expect("answers"), DataKinds { simulated: true, real: false });
    store.load(&of_kind(true, 3)).await.expect("its own kind still loads");
    store.record_fetched(&announced(true)).await.expect("its own kind is still recorded");
}

/// Also when no row is loaded yet.
pub async fn an_announcement_of_real_data_keeps_simulated_data_out(lab: &impl StoreLab) {
    let store = lab.store();
    store.record_fetched(&announced(false)).await.expect("is recorded");
    check_refused(store.load(&of_kind(true, 1)).await, true);
    check_refused(store.record_fetched(&announced(true)).await, true);
    assert_eq!(lab.tables().await, Tables::default());
    assert_eq!(store.data_kinds().await.expect("answers"), DataKinds { simulated: false, real: true });
    store.load(&of_kind(false, 1)).await.expect("its own kind loads");
}

/// Loaders that meet in an empty store: all of one kind are loaded, none of the other.
pub async fn of_two_kinds_at_once_exactly_one_gets_in(lab: &impl StoreLab) {
    let mut loads = JoinSet::new();
    for id in 1..=8 {
        let (store, simulated) = (lab.store(), id % 2 == 0);
        loads.spawn(async move { (simulated, store.load(&of_kind(simulated, id)).await) });
    }
    let (mut loaded, mut refused) = (Vec::new(), Vec::new());
    for (simulated, outcome) in loads.join_all().await {
        match outcome {
            Ok(_) => loaded.push(simulated),
            outcome => {
                check_refused(outcome, simulated);
                refused.push(simulated);
            }
        }
    }
    assert_eq!((loaded.len(), refused.len()), (4, 4));
    assert!(loaded.iter().all(|simulated| *simulated == loaded[0] && *simulated != refused[0]), "{loaded:?}");
    assert_eq!(lab.tables().await.latest.len(), 4);
    let data_kinds = DataKinds { simulated: loaded[0], real: !loaded[0] };
    assert_eq!(lab.store().data_kinds().await.expect("answers"), data_kinds);
}

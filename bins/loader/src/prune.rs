//! Deletes quotes that are too old for the history, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use ports::{Clock, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Rows deleted in one transaction: some milliseconds, for which a loader may wait.
const STEP: u32 = 1000;
/// Between two steps, so that loaders come first.
const PAUSE: Duration = Duration::from_millis(200);
/// How often to delete.
const POLL_INTERVAL: Duration = Duration::from_mins(10);

/// Keeps `quotes_history` short.
pub struct Pruner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keep: TimeDelta,
}

impl Pruner {
    /// Deletes quotes whose `last_updated` is longer ago than `keep`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, keep: Duration) -> Self {
        Self { store, clock, keep: TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX) }
    }

    /// Prunes now and then until asked to stop. Any number of processes may: they share the work.
    pub async fn run(&self, stop: &CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "the history is not pruned while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, stop, || self.prune(stop), tell).await;
    }

    /// Deletes all that is too old now, in steps; how many rows.
    pub async fn prune(&self, stop: &CancellationToken) -> Result<u64, StoreError> {
        let before = self.clock.now().checked_sub_signed(self.keep).unwrap_or(DateTime::UNIX_EPOCH);
        // Databases know no years before 0, and there were no quotes.
        let before = before.max(DateTime::UNIX_EPOCH);
        let mut rows = 0;
        while !stop.is_cancelled() {
            let deleted = self.store.prune_history(before, STEP).await?;
            rows += deleted;
            if deleted < u64::from(STEP) {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(PAUSE) => {}
            }
        }
        if rows > 0 {
            info!(rows, %before, "deleted old quotes from the history");
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, chunk, chunk_of, row};
    use testkit::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn what_is_older_than_it_is_kept_goes_in_steps() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let rows = (1..=2500).map(|id| row(id, 1.0, at(0))).collect();
        store.load(&domain::Chunk { rows, ..chunk(&[]) }).await.unwrap();
        store.load(&chunk_of(row(1, 2.0, at(60)), at(61))).await.unwrap();
        let pruner = Pruner::new(store.clone(), clock.clone(), Duration::from_hours(1));
        let stop = CancellationToken::new();
        assert_eq!(pruner.prune(&stop).await.unwrap(), 0);
        clock.advance(Duration::from_hours(1) + Duration::from_secs(1));
        let all = async {
            let pruning = pruner.prune(&stop);
            tokio::pin!(pruning);
            loop {
                tokio::select! {
                    rows = &mut pruning => return rows,
                    () = tokio::task::yield_now() => clock.advance(PAUSE),
                }
            }
        };
        let rows = tokio::time::timeout(Duration::from_secs(30), all).await.expect("it ends");
        assert_eq!(rows.unwrap(), 2500);
        let (history, latest) = (store.history(), store.latest());
        assert_eq!((history.len(), latest.len()), (1, 2500));
        assert_eq!(history[0].quote.last_updated, at(60));
    }

    #[tokio::test]
    async fn an_outage_is_waited_out_and_a_request_to_stop_is_heard() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        store.set_available(false);
        let pruner = Pruner::new(store.clone(), clock, Duration::MAX);
        let stop = CancellationToken::new();
        assert!(pruner.prune(&stop).await.is_err());
        store.set_available(true);
        assert_eq!(pruner.prune(&stop).await.unwrap(), 0);
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), pruner.run(&stop)).await.expect("it ends");
    }
}

//! Keeps the desk tidy: letters of resolved groups are settled, and what was kept long enough is deleted, a few rows at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use ports::store::{Kept, LetterFilter};
use ports::{Clock, Desk, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often letters are settled with their groups.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Rounds between two looks for what is old.
const ROUNDS: u32 = 60;
/// Rows that one transaction changes: some milliseconds, for which a letter may wait.
const STEP: u32 = 500;
/// Between two steps, so that letters come first.
const PAUSE: Duration = Duration::from_millis(200);

/// Settles and deletes.
pub struct DeskKeeper {
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    /// `None`: for ever.
    keep: Option<TimeDelta>,
}

impl DeskKeeper {
    /// Deletes what was settled longer ago than `keep`; nothing when that is zero.
    pub fn new(desk: Arc<dyn Desk>, clock: Arc<dyn Clock>, keep: Duration) -> Self {
        let keep = (!keep.is_zero()).then(|| TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX));
        Self { desk, clock, keep }
    }

    /// Settles and deletes now and then until asked to stop. Any number of processes may: they share the work.
    pub async fn run(&self, stop: &CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "the desk is not kept tidy while the store is away");
        let round = std::sync::atomic::AtomicU32::new(0);
        let tidy = || {
            let is_due = round.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(ROUNDS);
            async move {
                self.settle(stop).await?;
                if is_due { self.purge(stop).await.map(drop) } else { Ok(()) }
            }
        };
        outage::rounds(&self.clock, POLL_INTERVAL, stop, tidy, tell).await;
    }

    /// Settles the open letters of groups that are resolved; how many.
    pub async fn settle(&self, stop: &CancellationToken) -> Result<u64, StoreError> {
        self.in_steps(stop, async || self.desk.settle_with_groups(STEP).await).await
    }

    /// Deletes all that is too old now; how many rows.
    pub async fn purge(&self, stop: &CancellationToken) -> Result<u64, StoreError> {
        let Some(keep) = self.keep else { return Ok(0) };
        let oldest = self.clock.now().checked_sub_signed(keep).unwrap_or(DateTime::UNIX_EPOCH);
        // Databases know no years before 0, and there were no letters.
        let oldest = oldest.max(DateTime::UNIX_EPOCH);
        let any = LetterFilter::default();
        let mut rows = 0;
        for kept in Kept::ALL {
            rows += self.in_steps(stop, async || self.desk.purge(kept, &any, oldest, STEP).await).await?;
        }
        if rows > 0 {
            info!(rows, before = %oldest, "deleted old letters, groups, mails and actions");
        }
        Ok(rows)
    }

    /// Takes a `portion` until it finds less than it may; how much in all.
    async fn in_steps(
        &self,
        stop: &CancellationToken,
        portion: impl AsyncFn() -> Result<u64, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        while !stop.is_cancelled() {
            let found = portion().await?;
            rows += found;
            if found < u64::from(STEP) {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(PAUSE) => {}
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use ports::Letters;
    use ports::store::LetterState;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, letter};
    use testkit::memory::MemoryStore;

    use super::*;

    /// Only what is settled, and its groups with it; nothing at all when everything is kept.
    #[tokio::test]
    async fn what_was_settled_long_ago_goes_and_nothing_that_is_open() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let keeper = |keep| DeskKeeper::new(store.clone(), clock.clone(), keep);
        let (day, stop) = (Duration::from_hours(24), CancellationToken::new());
        for (occasion, group) in [("a", "one"), ("b", "one"), ("c", "two")] {
            store.file(&letter(occasion, at(0)), group).await.unwrap();
        }
        store.resolve("one", 2, "done").await.unwrap();
        assert_eq!(keeper(day).settle(&stop).await.unwrap(), 2);
        let open = LetterFilter { state: Some(LetterState::Open), ..LetterFilter::default() };
        assert_eq!(store.count(&open, 9).await.unwrap(), 1);
        assert_eq!(keeper(day).purge(&stop).await.unwrap(), 0, "they are fresh");
        clock.advance(day * 2);
        assert_eq!(keeper(Duration::ZERO).purge(&stop).await.unwrap(), 0, "for ever");
        assert_eq!(keeper(day).purge(&stop).await.unwrap(), 3, "two letters and their group");
        assert_eq!(store.groups(None).await.unwrap().len(), 1);
        assert_eq!(store.count(&LetterFilter::default(), 9).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_request_to_stop_is_heard() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let stop = CancellationToken::new();
        stop.cancel();
        let keeper = DeskKeeper::new(store, clock, Duration::from_hours(1));
        tokio::time::timeout(Duration::from_secs(30), keeper.run(&stop)).await.expect("it ends");
    }
}

//! Watches the ledger, and files a dead letter about each batch that stays incomplete.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, DeadLetter, StageName};
use ports::store::BatchRecord;
use ports::{Clock, Ledger, Letters, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::fingerprint::fingerprint;

/// How often the ledger is read.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// How many batches each look covers, newest first: more than a day of all kinds of the market at their shortest intervals. Older
/// ones were covered when they were newer.
const NEWEST: u32 = 1000;

/// The code of the letter. The fetcher uses it too, when it could not fetch all pages of a batch.
const CODE: &str = "batch_incomplete";

/// Looks for batches that stay incomplete.
pub struct IncompleteBatches {
    ledger: Arc<dyn Ledger>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    after: TimeDelta,
    /// Since when this process has seen each batch incomplete. The slot does not tell: a batch that was fetched before an
    /// outage may arrive long after it.
    seen: Mutex<BTreeMap<BatchId, DateTime<Utc>>>,
}

impl IncompleteBatches {
    /// Files a letter about a batch that stays incomplete, and of which no chunk is loaded, for the time `after`.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        letters: Arc<dyn Letters>,
        clock: Arc<dyn Clock>,
        after: Duration,
    ) -> Self {
        let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        Self { ledger, letters, clock, after, seen: Mutex::default() }
    }

    /// Looks again and again until `stop`. While the store is away it waits.
    pub async fn run(&self, stop: CancellationToken) {
        let tell =
            |error: &StoreError| warn!(%error, "incomplete batches are not seen while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(), tell).await;
    }

    /// Files the letters that are due now. Reports each batch once.
    pub async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut batches = self.ledger.batches(NEWEST).await?;
        batches.retain(|batch| !batch.is_complete());
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::take(&mut *seen);
            let since = |batch: &BatchRecord| before.get(&batch.id).copied().unwrap_or(now);
            *seen = batches
                .iter()
                .map(|batch| (batch.id.clone(), since(batch).max(batch.loaded_at.unwrap_or_default())))
                .collect();
            batches.retain(|batch| seen.get(&batch.id).is_some_and(|since| now - *since >= self.after));
        }
        for batch in batches {
            let Some(missing) = batch.missing.first() else { continue };
            if self.is_reported(&batch).await? {
                continue;
            }
            let reason = format!(
                "batch {} stays incomplete: {} parts are missing, first {missing}; `coinpipe batches --incomplete` \
                 says where they are",
                batch.id,
                batch.missing.len(),
            );
            let letter = DeadLetter::incident(StageName::Alerter, CODE, &batch.id, reason, now);
            let group = fingerprint(&letter);
            if self.letters.file(&letter, &group).await? {
                warn!(letter = %letter.id, group, code = CODE, "{}", letter.reason);
            }
        }
        Ok(())
    }

    /// Whether the fetcher has filed that it could not fetch all of the batch.
    async fn is_reported(&self, batch: &BatchRecord) -> Result<bool, StoreError> {
        let told = DeadLetter::incident(StageName::Fetcher, CODE, &batch.id, "", self.clock.now());
        Ok(!self.letters.filed(&[told.id.as_str()]).await?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use ports::Store;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{batch, chunk, fetched};
    use testkit::memory::MemoryStore;

    use super::*;

    async fn letters(store: &MemoryStore) -> Vec<String> {
        let filed = store.letters(None, 10).await.unwrap();
        filed.into_iter().map(|letter| format!("{}: {}", letter.id, letter.reason)).collect()
    }

    fn bench() -> (Arc<ManualClock>, Arc<MemoryStore>, IncompleteBatches) {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let incomplete =
            IncompleteBatches::new(store.clone(), store.clone(), clock.clone(), Duration::from_mins(15));
        (clock, store, incomplete)
    }

    #[tokio::test]
    async fn a_batch_is_reported_once_when_nothing_arrives_for_long() {
        let (clock, store, incomplete) = bench();
        // Fetched before an outage of an hour.
        clock.advance(Duration::from_hours(1));
        store.record_fetched(&fetched(2)).await.unwrap();
        incomplete.look().await.unwrap();
        clock.advance(Duration::from_mins(14));
        store.load(&chunk(&[1])).await.unwrap();
        incomplete.look().await.unwrap();
        clock.advance(Duration::from_mins(14));
        incomplete.look().await.unwrap();
        assert_eq!(letters(&store).await, Vec::<String>::new());
        clock.advance(Duration::from_mins(1));
        incomplete.look().await.unwrap();
        clock.advance(Duration::from_hours(1));
        incomplete.look().await.unwrap();
        let told = letters(&store).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("incident/alerter/batch_incomplete/2026-11-22T14:00:00Z/listings/USD: "));
        assert!(told[0].contains("1 parts are missing, first page 2"), "{told:?}");
    }

    #[tokio::test]
    async fn a_batch_that_is_complete_or_reported_by_the_fetcher_is_no_letter() {
        let (clock, store, incomplete) = bench();
        store.record_fetched(&fetched(1)).await.unwrap();
        incomplete.look().await.unwrap();
        store.load(&chunk(&[1])).await.unwrap();
        clock.advance(Duration::from_hours(1));
        incomplete.look().await.unwrap();
        assert_eq!(letters(&store).await, Vec::<String>::new());

        let (clock, store, incomplete) = bench();
        store.record_fetched(&fetched(2)).await.unwrap();
        let letter = DeadLetter::incident(StageName::Fetcher, CODE, batch(0), "told", clock.now());
        store.file(&letter, "group").await.unwrap();
        incomplete.look().await.unwrap();
        clock.advance(Duration::from_hours(1));
        incomplete.look().await.unwrap();
        assert_eq!(letters(&store).await.len(), 1);
    }

    #[tokio::test]
    async fn an_outage_ends_nothing() {
        let (clock, store, incomplete) = bench();
        store.record_fetched(&fetched(2)).await.unwrap();
        incomplete.look().await.unwrap();
        clock.advance(Duration::from_hours(1));
        store.set_available(false);
        assert!(incomplete.look().await.is_err());
        store.set_available(true);
        incomplete.look().await.unwrap();
        assert_eq!(letters(&store).await.len(), 1);
    }
}

//! Whether what was fetched is in the tables, as the ledger proves.

use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::{Ledger, StoreError};

use super::progress::Progress;
use crate::commands::transit::{Arriving, Transit};
use crate::numbers;

/// Batches on their way.
pub(super) struct Arrivals<'a> {
    ledger: Arc<dyn Ledger>,
    progress: &'a Progress,
    /// When a chunk of each was last seen to have been loaded.
    transit: Transit<Option<DateTime<Utc>>>,
    arrived: u64,
    quotes: u64,
}

impl<'a> Arrivals<'a> {
    /// Of `batches`, by `ledger`.
    pub(super) fn new(ledger: Arc<dyn Ledger>, batches: &[BatchId], progress: &'a Progress) -> Self {
        let mut transit = Transit::default();
        for batch in batches {
            transit.expect(batch);
        }
        Self { ledger, progress, transit, arrived: 0, quotes: 0 }
    }

    /// Batches that arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Quotes of them.
    pub(super) fn quotes(&self) -> u64 {
        self.quotes
    }

    /// Says which were dropped meanwhile, and fails when others did not arrive.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.transit.tell_dropped();
        let waiting = self.transit.waiting();
        let Some(first) = waiting.keys().next() else { return Ok(()) };
        let slots = numbers::counted(waiting.len() as u64, "slot");
        bail!(
            "not loaded: {slots}, of them {first}; `coinpipe dead list` says why, and `coinpipe status` what still waits"
        )
    }
}

impl Arriving for Arrivals<'_> {
    async fn look(&mut self) -> Result<bool, StoreError> {
        let dropped = self.transit.dropped().len();
        let records = self.transit.look(&*self.ledger).await?;
        let mut news = self.transit.dropped().len() > dropped;
        for record in records {
            let Some(loaded_at) = self.transit.of(&record.id) else { continue };
            news |= record.loaded_at > *loaded_at;
            *loaded_at = record.loaded_at;
            if record.fetched_at.is_some() && record.is_complete() {
                self.transit.end(&record.id);
                self.arrived += 1;
                self.quotes += record.written + record.unchanged + record.stale;
                news = true;
            }
        }
        Ok(news)
    }

    fn has_ended(&self) -> bool {
        self.transit.waiting().is_empty()
    }

    fn show(&self) {
        let all = self.transit.waiting().len() as u64 + self.arrived;
        self.progress.show(&format!("loading {}", numbers::counted(all, "slot")));
    }
}

#[cfg(test)]
mod tests {
    use domain::{Chunk, Fetched, Slot};
    use ports::{Drops, Store};
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, chunk, fetched};
    use testkit::memory::MemoryStore;

    use super::*;

    /// Batch `number` of more than one statement looks up.
    fn part(number: i64) -> (Fetched, Chunk) {
        let announced = fetched(1);
        let slot = Slot::at(at(number * 3600));
        let batch = BatchId::new(slot, "history", &announced.convert);
        let announced = Fetched { batch: batch.clone(), slot, ..announced };
        let mut chunk = chunk(&[1]);
        (chunk.page.batch, chunk.page.slot) = (batch, slot);
        (announced, chunk)
    }

    /// Those that are first in order do not arrive, and one is dropped.
    #[tokio::test]
    async fn all_are_looked_up_in_turn_and_one_that_is_dropped_is_not_waited_for() {
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let parts: Vec<_> = (0..40).map(part).collect();
        let ids: Vec<_> = parts.iter().map(|(fetched, _)| fetched.batch.clone()).collect();
        let progress = Progress::start(0);
        let mut arrivals = Arrivals::new(store.clone(), &ids, &progress);
        for (fetched, chunk) in &parts[20..] {
            store.record_fetched(fetched).await.unwrap();
            store.load(chunk).await.unwrap();
        }
        for _ in 0..3 {
            arrivals.look().await.unwrap();
        }
        assert_eq!((arrivals.arrived(), arrivals.has_ended()), (20, false));
        let failure = arrivals.check().unwrap_err().to_string();
        assert!(failure.contains(&format!("20 slots, of them {}", ids[0])), "{failure}");
        assert!(!arrivals.look().await.unwrap(), "nothing happened since");
        for (fetched, _) in &parts[..20] {
            store.record_fetched(fetched).await.unwrap();
        }
        for id in &ids[..20] {
            store.mark_dropped(id, "wrong").await.unwrap();
        }
        for _ in 0..2 {
            assert!(arrivals.look().await.unwrap());
        }
        assert!(arrivals.has_ended());
        arrivals.check().unwrap();
    }
}

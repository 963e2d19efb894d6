//! Whether what was fetched is in the tables, as the ledger proves.

use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::{BatchRecord, Ledger, StoreError};

use super::progress::Progress;
use crate::commands::transit::{Arriving, Transit};
use crate::numbers;

/// Batches on their way.
pub(super) struct Arrivals<'a> {
    ledger: Arc<dyn Ledger>,
    progress: &'a Progress,
    /// When a chunk of each was last seen to have been loaded.
    transit: Transit<Seen>,
    arrived: u64,
    quotes: u64,
    rejected: u64,
    incomplete: Vec<(BatchId, String)>,
}

/// What is known of a batch.
#[derive(Default)]
struct Seen {
    /// When a chunk of it was last seen to have been loaded.
    loaded_at: Option<DateTime<Utc>>,
    /// What the tables had of it before it was fetched again, and how many coins it has now.
    before: Option<(Before, u64)>,
}

/// When a batch was fetched, and a chunk of it loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    fetched_at: Option<DateTime<Utc>>,
    loaded_at: Option<DateTime<Utc>>,
}

impl Before {
    pub(super) fn of(record: &BatchRecord) -> Self {
        Self { fetched_at: record.fetched_at, loaded_at: record.loaded_at }
    }
}

impl<'a> Arrivals<'a> {
    /// Of `batches`, by `ledger`.
    pub(super) fn new(ledger: Arc<dyn Ledger>, batches: &[BatchId], progress: &'a Progress) -> Self {
        let mut transit = Transit::default();
        for batch in batches {
            transit.expect(batch);
        }
        Self { ledger, progress, transit, arrived: 0, quotes: 0, rejected: 0, incomplete: Vec::new() }
    }

    /// Waits for `batch`, too, which has so many coins, and of which the tables had this before it was fetched.
    pub(super) fn expect_after(&mut self, batch: &BatchId, before: Before, coins: u64) {
        self.transit.expect(batch).before = Some((before, coins));
    }

    /// Coins of them that were refused.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Those that the history does not have whole, and what they lack.
    pub(super) fn into_incomplete(self) -> Vec<(BatchId, String)> {
        self.incomplete
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
            let Some(Seen { loaded_at, before }) = self.transit.of(&record.id) else { continue };
            news |= record.loaded_at > *loaded_at;
            *loaded_at = record.loaded_at;
            // What was there before is complete, too, page by page.
            let is_new = before.is_none_or(|(before, coins)| {
                before == Before::default()
                    || record.fetched_at > before.fetched_at
                        && record.loaded_at > before.loaded_at
                        && record.coins_in == coins
            });
            if record.fetched_at.is_some() && is_new && record.is_complete() {
                self.transit.end(&record.id);
                self.arrived += 1;
                // The ledger counts the quotes of a chunk when it is loaded first, and not when what was fetched again replaces it.
                let coins = record.coins_in.saturating_sub(record.rejected);
                self.quotes += (record.written + record.unchanged + record.stale).max(coins);
                self.rejected += record.rejected;
                if record.lacks_coins() {
                    self.incomplete
                        .push((record.id, record.verdict.map(|verdict| verdict.why).unwrap_or_default()));
                }
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

    /// The tables have it already, without coins: that is not what is waited for.
    #[tokio::test]
    async fn what_was_fetched_again_arrives_when_it_is_newer() {
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let (announced, chunk) = part(1);
        let progress = Progress::start(0);
        let mut arrivals = Arrivals::new(store.clone(), &[], &progress);
        store.record_fetched(&announced).await.unwrap();
        store.load(&chunk).await.unwrap();
        let record = store.batch(&announced.batch).await.unwrap().unwrap();
        arrivals.expect_after(&announced.batch, Before::of(&record), 1);
        arrivals.look().await.unwrap();
        assert!(!arrivals.has_ended());
        let older = Before { fetched_at: Some(at(-9)), loaded_at: None };
        arrivals.expect_after(&announced.batch, older, 2);
        arrivals.look().await.unwrap();
        assert!(!arrivals.has_ended(), "one of its pages is the older one");
        arrivals.expect_after(&announced.batch, older, 1);
        arrivals.look().await.unwrap();
        assert_eq!((arrivals.arrived(), arrivals.has_ended()), (1, true));
    }
}

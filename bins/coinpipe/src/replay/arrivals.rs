//! Which of the replayed batches have arrived in the tables, by their lines in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::BatchId;
use ports::{Ledger, StoreError};

/// How many batches are looked up at a time: they arrive about in the order they were published.
const LOOKED_UP: usize = 8;

/// Batches on their way, and what has arrived.
pub(super) struct Arrivals {
    ledger: Arc<dyn Ledger>,
    /// With how often each had been replayed before.
    waiting: BTreeMap<BatchId, u32>,
    /// Batches that arrived.
    pub(super) batches: u64,
    /// Coins in them.
    pub(super) coins: u64,
}

impl Arrivals {
    pub(super) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, waiting: BTreeMap::new(), batches: 0, coins: 0 }
    }

    /// Notes that a page of `batch` is about to be published.
    pub(super) async fn expect(&mut self, batch: &BatchId) -> Result<(), StoreError> {
        if !self.waiting.contains_key(batch) {
            let before = self.ledger.batch(batch).await?.map_or(0, |record| record.replays);
            self.waiting.insert(batch.clone(), before);
        }
        Ok(())
    }

    /// Whether nothing is on its way.
    pub(super) fn all(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Looks up the oldest of them; whether any arrived.
    pub(super) async fn look(&mut self) -> Result<bool, StoreError> {
        let some: Vec<_> = self.waiting.iter().take(LOOKED_UP).map(|(id, n)| (id.clone(), *n)).collect();
        let mut news = false;
        for (id, before) in some {
            let Some(record) = self.ledger.batch(&id).await? else { continue };
            if record.replays > before {
                news = true;
                self.arrived(&id, record.coins_in);
            }
        }
        Ok(news)
    }

    /// The queues are empty: nothing more will come. What is complete all the same, from before, counts as
    /// arrived; the ids of the others, each with what is missing.
    pub(super) async fn settle(&mut self) -> Result<Vec<String>, StoreError> {
        let mut lost = Vec::new();
        for id in self.waiting.keys().cloned().collect::<Vec<_>>() {
            match self.ledger.batch(&id).await? {
                Some(record) if record.is_complete() => self.arrived(&id, record.coins_in),
                Some(record) => lost.push(format!("{id} lacks {}", record.missing.join(", "))),
                None => lost.push(format!("{id} is not in the ledger")),
            }
        }
        Ok(lost)
    }

    fn arrived(&mut self, id: &BatchId, coins: u64) {
        self.waiting.remove(id);
        self.batches += 1;
        self.coins += coins;
    }
}

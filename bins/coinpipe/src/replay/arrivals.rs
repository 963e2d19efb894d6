//! Which of the replayed batches have arrived in the tables, by their lines in the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{BatchId, PageMeta};
use ports::store::BatchRecord;
use ports::{Ledger, StoreError};

/// How many batches are looked up at a time: they arrive about in the order they were published.
const LOOKED_UP: usize = 8;

/// Batches on their way, and what has arrived.
pub(super) struct Arrivals {
    ledger: Arc<dyn Ledger>,
    waiting: BTreeMap<BatchId, Waiting>,
    /// Batches that arrived, as far as their pages were there.
    pub(super) batches: u64,
    /// Coins in them.
    pub(super) coins: u64,
    /// Of those, the batches of which not every page was there: how many were, of how many.
    pub(super) partial: Vec<(BatchId, usize, u32)>,
}

/// A batch on its way.
struct Waiting {
    /// How often it had been replayed before.
    replays: u32,
    /// Its pages that are on their way.
    pages: BTreeSet<u32>,
    /// How many it has.
    of: u32,
}

impl Waiting {
    /// Whether the tables have all of what was published, though perhaps not all of the batch.
    fn is_in(&self, record: &BatchRecord) -> bool {
        record.missing.iter().all(|missing| !self.pages.contains(&missing.page()))
    }
}

impl Arrivals {
    pub(super) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, waiting: BTreeMap::new(), batches: 0, coins: 0, partial: Vec::new() }
    }

    /// Notes that `page` is about to be published.
    pub(super) async fn expect(&mut self, page: &PageMeta) -> Result<(), StoreError> {
        if !self.waiting.contains_key(&page.batch) {
            let replays = self.ledger.batch(&page.batch).await?.map_or(0, |record| record.replays);
            let waiting = Waiting { replays, pages: BTreeSet::new(), of: page.pages };
            self.waiting.insert(page.batch.clone(), waiting);
        }
        if let Some(waiting) = self.waiting.get_mut(&page.batch) {
            waiting.pages.insert(page.page);
        }
        Ok(())
    }

    /// Whether nothing is on its way.
    pub(super) fn all(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Looks up the oldest of them; whether any arrived.
    pub(super) async fn look(&mut self) -> Result<bool, StoreError> {
        let some: Vec<_> =
            self.waiting.iter().take(LOOKED_UP).map(|(id, waiting)| (id.clone(), waiting.replays)).collect();
        let mut news = false;
        for (id, before) in some {
            let Some(record) = self.ledger.batch(&id).await? else { continue };
            if record.replays > before {
                news = true;
                self.arrived(&record);
            }
        }
        Ok(news)
    }

    /// The queues are empty: nothing more will come. What is in the tables all the same, from before, counts as
    /// arrived; the ids of the others, each with what is missing.
    pub(super) async fn settle(&mut self) -> Result<Vec<String>, StoreError> {
        let mut lost = Vec::new();
        for (id, waiting) in std::mem::take(&mut self.waiting) {
            match self.ledger.batch(&id).await? {
                Some(record) if waiting.is_in(&record) => {
                    if !record.is_complete() {
                        self.partial.push((id, waiting.pages.len(), waiting.of));
                    }
                    self.arrived(&record);
                }
                Some(record) => lost.push(format!("{id} lacks {}", crate::batches::missing(&record))),
                None => lost.push(format!("{id} is not in the ledger")),
            }
        }
        Ok(lost)
    }

    fn arrived(&mut self, record: &BatchRecord) {
        self.waiting.remove(&record.id);
        self.batches += 1;
        self.coins += record.coins_in;
    }
}

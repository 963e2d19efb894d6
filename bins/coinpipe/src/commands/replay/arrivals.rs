//! Which of the replayed pages have arrived in the tables: those of which this replay loaded every chunk, by the ledger. That
//! rows are there proves nothing, because they may be older; nor does the number of loads, because a chunk may be delivered
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketKind, PageMeta, ReplayId};
use ports::store::BatchRecord;
use ports::{Ledger, StoreError};

use crate::commands::transit::Transit;

/// Pages on their way, and what has arrived.
pub(super) struct Arrivals {
    ledger: Arc<dyn Ledger>,
    /// The replay whose pages they are.
    replay: ReplayId,
    transit: Transit<Waiting>,
    arrived: BTreeMap<BatchId, Arrived>,
}

/// The pages of a batch that are on their way.
#[derive(Default)]
struct Waiting {
    pages: BTreeSet<u32>,
    /// When a chunk of the batch was last seen to have been loaded.
    loaded_at: Option<DateTime<Utc>>,
}

/// A batch of which pages have arrived.
#[derive(Default)]
struct Arrived {
    pages: BTreeSet<u32>,
    /// How many pages it has.
    of: u32,
    coins: u64,
    /// Those of them that a rule or the database refused.
    rejected: u64,
    is_complete: bool,
}

impl Waiting {
    fn has_arrived(&self, record: &BatchRecord, replay: &ReplayId) -> bool {
        let arrived =
            |page: &u32| record.page_replays.get(page).is_some_and(|replays| replays.contains(replay));
        self.pages.iter().all(arrived)
    }
}

impl Arrivals {
    /// For the pages of `replay`, by `ledger`.
    pub(super) fn new(ledger: Arc<dyn Ledger>, replay: ReplayId) -> Self {
        Self { ledger, replay, transit: Transit::default(), arrived: BTreeMap::new() }
    }

    /// Notes that `page` is about to be published.
    pub(super) fn expect(&mut self, page: &PageMeta) {
        self.transit.expect(&page.batch).pages.insert(page.page);
    }

    /// Whether nothing is on its way.
    pub(super) fn all(&self) -> bool {
        self.transit.waiting().is_empty()
    }

    /// Batches that arrived.
    pub(super) fn batches(&self) -> u64 {
        self.arrived.len() as u64
    }

    /// Which they are.
    pub(super) fn arrived(&self) -> impl Iterator<Item = &BatchId> {
        self.arrived.keys()
    }

    /// Coins in them.
    pub(super) fn coins(&self) -> u64 {
        self.count(false)
    }

    /// Rows of kinds of the market in them.
    pub(super) fn rows(&self) -> u64 {
        self.count(true)
    }

    fn count(&self, of_market: bool) -> u64 {
        let is_of_market = |id: &BatchId| MarketKind::of_endpoint(id.endpoint()).is_some();
        let arrived = self.arrived.iter().filter(|(id, _)| is_of_market(id) == of_market);
        arrived.map(|(_, arrived)| arrived.coins).sum()
    }

    /// Coins and rows in them that were rejected.
    pub(super) fn rejected(&self) -> u64 {
        self.arrived.values().map(|arrived| arrived.rejected).sum()
    }

    /// The batches of which not every page was there: how many were, of how many.
    pub(super) fn partial(&self) -> impl Iterator<Item = (&BatchId, usize, u32)> {
        let partial = self.arrived.iter().filter(|(_, arrived)| !arrived.is_complete);
        partial.map(|(id, arrived)| (id, arrived.pages.len(), arrived.of))
    }

    /// Says which were dropped meanwhile.
    pub(super) fn tell_dropped(&self) {
        self.transit.tell_dropped();
    }

    /// Looks some of them up; whether a chunk of any was loaded.
    pub(super) async fn look(&mut self) -> Result<bool, StoreError> {
        let dropped = self.transit.dropped().len();
        let records = self.transit.look(&*self.ledger).await?;
        let mut news = self.transit.dropped().len() > dropped;
        for record in records {
            let id = record.id.clone();
            let Some(waiting) = self.transit.of(&id) else { continue };
            news |= record.loaded_at > waiting.loaded_at;
            waiting.loaded_at = record.loaded_at;
            if waiting.has_arrived(&record, &self.replay) {
                let pages = std::mem::take(&mut waiting.pages);
                self.transit.end(&id);
                let arrived = self.arrived.entry(id).or_default();
                arrived.pages.extend(pages);
                arrived.of = record.pages.unwrap_or(0);
                (arrived.coins, arrived.rejected) = (record.coins_in, record.rejected);
                arrived.is_complete = record.is_complete();
            }
        }
        Ok(news)
    }

    /// Fails when something has not arrived.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let lost = self.lost();
        anyhow::ensure!(
            lost.is_empty(),
            "not loaded: {}; `coinpipe dead list` says why, and `coinpipe status` what still waits",
            lost.join("; ")
        );
        Ok(())
    }

    /// What has not arrived, in words: the pages of each batch.
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.transit.waiting().iter().map(|(id, waiting)| {
            let pages: Vec<_> = waiting.pages.iter().take(3).map(ToString::to_string).collect();
            let more = waiting.pages.len() - pages.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("page {}{more} of {id}", pages.join(", "))
        });
        lost.collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::{Chunk, Origin};
    use ports::Store;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::chunk;
    use testkit::memory::MemoryStore;

    use super::*;

    /// Chunk `number` of two, from `replay`.
    fn part(replay: &ReplayId, number: u32) -> Chunk {
        let mut part = Chunk { chunk: number, chunks: 2, replay: Some(replay.clone()), ..chunk(&[number]) };
        part.page.origin = Origin::Replay;
        part
    }

    /// An earlier replay's chunk that is delivered again says nothing about this one's.
    #[tokio::test]
    async fn a_page_has_arrived_when_this_replay_loaded_all_of_it() {
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let [earlier, this] = ["earlier", "this"].map(|name| ReplayId::new(name).unwrap());
        for number in [1, 2] {
            store.load(&part(&earlier, number)).await.unwrap();
        }
        let mut arrivals = Arrivals::new(store.clone(), this.clone());
        arrivals.expect(&part(&this, 1).page);
        for (replay, number) in [(&this, 1), (&this, 1), (&earlier, 2), (&earlier, 2)] {
            store.load(&part(replay, number)).await.unwrap();
            arrivals.look().await.unwrap();
            assert!(!arrivals.all(), "chunk 2 of this replay is on its way");
        }
        assert!(arrivals.check().unwrap_err().to_string().contains("page 1 of"));
        store.load(&part(&this, 2)).await.unwrap();
        assert!(arrivals.look().await.unwrap() || arrivals.all());
        assert_eq!((arrivals.all(), arrivals.batches(), arrivals.coins()), (true, 1, 2));
        arrivals.check().unwrap();
    }
}

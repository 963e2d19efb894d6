//! The ledger of batches in memory.
//!
//! The other stores are compared with this one, so it makes its sums by itself ([`fold`]), and shares no code for that with
//! them.

mod fold;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::endpoint::{LISTINGS, QUOTES};
use domain::{BatchId, Chunk, Fetched, ReplayId, Slot, Verdict, timestamp};

use super::MemoryStore;
use fold::{Part, Replays};
use ports::store::{
    BatchKey, BatchRecord, Course, DataKinds, Dropped, Freshness, Ledger, LedgerLine, Loaded, Paid,
    StoreError,
};

/// Batches, and the chunks of each by (page, chunk).
#[derive(Default)]
pub(super) struct LedgerState {
    batches: BTreeMap<BatchId, Batch>,
    /// Whether all data is made up; decided by the first that comes.
    simulated: Option<bool>,
    freshness: Freshness,
}

struct Batch {
    slot: Slot,
    endpoint: String,
    convert: Vec<String>,
    simulated: bool,
    announced: Option<Announced>,
    /// The newest version of each chunk, by page and number.
    parts: BTreeMap<(u32, u32), Part>,
    replays: Replays,
    dropped: Option<Dropped>,
    /// Whether its quotes are in the tables.
    has_quotes: bool,
}

struct Announced {
    fetched_at: DateTime<Utc>,
    pages: u32,
    credits: u32,
    verdict: Option<Verdict>,
}

impl LedgerState {
    /// Fails when what the store holds is of the other kind.
    pub(super) fn admit(&mut self, simulated: bool) -> Result<(), StoreError> {
        if *self.simulated.get_or_insert(simulated) == simulated {
            Ok(())
        } else {
            Err(StoreError::Mixed { simulated })
        }
    }

    /// Whether all data is made up, if there is any.
    pub(super) fn kind(&self) -> Option<bool> {
        self.simulated
    }

    pub(super) fn record_fetched(&mut self, fetched: &Fetched) {
        let batch = self.batches.entry(fetched.batch.clone()).or_insert_with(|| Batch {
            slot: fetched.slot,
            endpoint: fetched.endpoint.clone(),
            convert: fetched.convert.clone(),
            simulated: fetched.simulated,
            announced: None,
            parts: BTreeMap::new(),
            replays: Replays::default(),
            dropped: None,
            has_quotes: false,
        });
        let fetched_at = timestamp::to_millis(fetched.fetched_at);
        if batch.announced.as_ref().is_none_or(|held| fetched_at > held.fetched_at) {
            let Fetched { pages, credits, verdict, .. } = fetched.clone();
            // It was paid for again.
            let credits = credits + batch.announced.as_ref().map_or(0, |held| held.credits);
            batch.announced = Some(Announced { fetched_at, pages, credits, verdict });
        }
    }

    pub(super) fn record_chunk(&mut self, chunk: &Chunk, loaded: &Loaded, now: DateTime<Utc>) {
        let page = &chunk.page;
        let batch = self.batches.entry(page.batch.clone()).or_insert_with(|| Batch {
            slot: page.slot,
            endpoint: page.endpoint.clone(),
            convert: page.convert.clone(),
            simulated: page.simulated,
            announced: None,
            parts: BTreeMap::new(),
            replays: Replays::default(),
            dropped: None,
            has_quotes: false,
        });
        batch.has_quotes |= loaded.newest_quote_at.is_some();
        batch.replays.add(chunk);
        self.freshness = later(self.freshness, loaded);
        let new = Part::new(chunk, loaded, now);
        let key = (page.page, chunk.chunk);
        let newest = match batch.parts.remove(&key) {
            Some(held) => held.then(new),
            None => new,
        };
        batch.parts.insert(key, newest);
    }

    pub(super) fn batch(&self, id: &BatchId) -> Option<BatchRecord> {
        self.batches.get(id).map(|batch| batch.record(id))
    }

    pub(super) fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// As fresh as what was `loaded`, and nothing else.
    pub(super) fn set_freshness<'a>(&mut self, loaded: impl IntoIterator<Item = &'a Loaded>) {
        self.freshness = loaded.into_iter().fold(Freshness::default(), later);
    }

    /// Whether `replay` brought this chunk.
    pub(super) fn has_replayed(&self, replay: &ReplayId, batch: &BatchId, page: u32, chunk: u32) -> bool {
        self.batches.get(batch).is_some_and(|batch| batch.replays.has(replay, page, chunk))
    }

    /// Marks a batch as dropped unless it is; what is on record then.
    pub(super) fn mark_dropped(&mut self, batch: &BatchId, dropped: Dropped) -> Option<Dropped> {
        let batch = self.batches.get_mut(batch)?;
        Some(batch.dropped.get_or_insert(dropped).clone())
    }

    /// Notes that the quotes of `batch` are out of the tables.
    pub(super) fn take_out(&mut self, batch: &BatchId) {
        if let Some(batch) = self.batches.get_mut(batch) {
            batch.has_quotes = false;
        }
    }

    pub(super) fn is_dropped(&self, batch: &BatchId) -> bool {
        self.batches.get(batch).is_some_and(|batch| batch.dropped.is_some())
    }

    pub(super) fn dropped(&self) -> BTreeSet<BatchId> {
        self.batches.keys().filter(|batch| self.is_dropped(batch)).cloned().collect()
    }

    /// Whether it was dropped; what is known of its chunks is forgotten then.
    pub(super) fn readmit(&mut self, batch: &BatchId) -> bool {
        let Some(batch) = self.batches.get_mut(batch).filter(|batch| batch.dropped.is_some()) else {
            return false;
        };
        (batch.dropped, batch.parts, batch.replays) = (None, BTreeMap::new(), Replays::default());
        true
    }

    pub(super) fn lines_of(&self, batches: &[BatchId]) -> Vec<LedgerLine> {
        let of_batch = |id: &BatchId| {
            let parts = self.batches.get(id).into_iter().flat_map(|batch| &batch.parts);
            let id = id.clone();
            parts.map(move |((page, chunk), part)| part.line(&id, *page, *chunk)).collect::<Vec<_>>()
        };
        batches.iter().flat_map(of_batch).collect()
    }

    pub(super) fn data_kinds(&self) -> DataKinds {
        DataKinds {
            simulated: self.batches.values().any(|batch| batch.simulated),
            real: self.batches.values().any(|batch| !batch.simulated),
        }
    }
}

impl Batch {
    fn record(&self, id: &BatchId) -> BatchRecord {
        let announced = self.announced.as_ref();
        let pages = announced.map(|announced| announced.pages);
        // Until the announcement comes, the pages themselves say how many there are.
        let pages = pages.or_else(|| self.parts.values().map(|part| part.pages).max());
        let counted = fold::counted(&self.parts);
        let is_dropped = self.dropped.is_some();
        let missing = if is_dropped { Vec::new() } else { fold::missing(&counted, pages.unwrap_or(0)) };
        // What is not among the pages is not summed up.
        let counted = || counted.range(..=(pages.unwrap_or(0), u32::MAX)).map(|(_, part)| part);
        let page_replays = self.replays.whole();
        let replays_of = |page| page_replays.get(&page).map_or(0, BTreeSet::len);
        let replays = (1..=pages.unwrap_or(0)).map(replays_of).min().filter(|_| missing.is_empty());
        BatchRecord {
            id: id.clone(),
            slot: self.slot,
            endpoint: self.endpoint.clone(),
            convert: self.convert.clone(),
            simulated: self.simulated,
            fetched_at: announced.map(|announced| announced.fetched_at),
            transformed_at: self.parts.values().map(|part| part.transformed_at).max(),
            loaded_at: self.parts.values().map(|part| part.loaded_at).max(),
            pages,
            credits: announced.map(|announced| announced.credits),
            verdict: announced.and_then(|announced| announced.verdict.clone()),
            dropped: self.dropped.clone(),
            is_half_dropped: is_dropped && self.has_quotes,
            coins_in: counted().map(|part| part.coins_in).sum(),
            rejected: counted().map(|part| part.rejected).sum(),
            written: counted().map(|part| part.written).sum(),
            unchanged: counted().map(|part| part.unchanged).sum(),
            stale: counted().map(|part| part.stale).sum(),
            loads: self.parts.values().map(|part| part.loads).max().unwrap_or(0),
            replays: u32::try_from(replays.unwrap_or(0)).expect("a few"),
            page_replays,
            missing,
        }
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        let state = self.state()?;
        let mut records = newest_first(&state.ledger.batches);
        records.truncate(limit as usize);
        Ok(records)
    }

    async fn batches_before(&self, key: BatchKey<'_>, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        let mut records = newest_first(&self.state()?.ledger.batches);
        records.retain(|record| (record.slot, &record.id) < key);
        records.truncate(limit as usize);
        Ok(records)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        Ok(self.state()?.ledger.batch(id))
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        let mut records = newest_first(&self.state()?.ledger.batches);
        records.retain(|record| ids.contains(&record.id));
        Ok(records)
    }

    async fn paid_since(&self, since: DateTime<Utc>) -> Result<Vec<Paid>, StoreError> {
        let state = self.state()?;
        let announced = state.ledger.batches.iter().filter_map(|(id, batch)| {
            let Announced { fetched_at, credits, .. } = *batch.announced.as_ref()?;
            Some((fetched_at, id, Paid { endpoint: batch.endpoint.clone(), fetched_at, credits }))
        });
        let mut paid: Vec<_> = announced.filter(|(at, ..)| *at >= since).collect();
        paid.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
        Ok(paid.into_iter().map(|(.., paid)| paid).collect())
    }

    async fn courses(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Course>, StoreError> {
        let mut records = newest_first(&self.state()?.ledger.batches);
        records.retain(|record| {
            let is_in = (from..to).contains(&record.slot.starts_at()) && record.dropped.is_none();
            is_in && [LISTINGS, QUOTES].contains(&record.endpoint.as_str())
        });
        records.truncate(limit as usize);
        let course = |record: BatchRecord| Course {
            slot: record.slot,
            fetched_at: record.fetched_at,
            loaded_at: record.loaded_at.filter(|_| record.loads == 1),
            quotes: record.written + record.unchanged + record.stale,
            credits: record.credits,
        };
        Ok(records.into_iter().map(course).collect())
    }
}

fn later(freshness: Freshness, loaded: &Loaded) -> Freshness {
    Freshness {
        newest_quote_at: freshness.newest_quote_at.max(loaded.newest_quote_at),
        newest_fetch_at: freshness.newest_fetch_at.max(loaded.newest_fetch_at),
    }
}

fn newest_first(batches: &BTreeMap<BatchId, Batch>) -> Vec<BatchRecord> {
    let mut records: Vec<_> = batches.iter().map(|(id, batch)| batch.record(id)).collect();
    records.sort_by(|one, other| (other.slot, &other.id).cmp(&(one.slot, &one.id)));
    records
}

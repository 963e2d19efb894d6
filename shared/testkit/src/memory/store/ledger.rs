//! The ledger of batches in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, Slot, timestamp};

use super::MemoryStore;
use ports::store::{BatchRecord, DataKinds, Freshness, Ledger, Loaded, StoreError};
use tables::ledger::{BatchRow, ChunkRow, Cut, ReplayRow, refused_coins};

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
    chunks: BTreeMap<(u32, u32), ChunkRow>,
    replays: BTreeSet<ReplayRow>,
}

struct Announced {
    fetched_at: DateTime<Utc>,
    pages: u32,
    credits: u32,
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

    pub(super) fn record_fetched(&mut self, fetched: &Fetched) {
        let batch = self.batches.entry(fetched.batch.clone()).or_insert_with(|| Batch {
            slot: fetched.slot,
            endpoint: fetched.endpoint.clone(),
            convert: fetched.convert.clone(),
            simulated: fetched.simulated,
            announced: None,
            chunks: BTreeMap::new(),
            replays: BTreeSet::new(),
        });
        let fetched_at = timestamp::to_millis(fetched.fetched_at);
        if batch.announced.as_ref().is_none_or(|held| fetched_at > held.fetched_at) {
            batch.announced = Some(Announced { fetched_at, pages: fetched.pages, credits: fetched.credits });
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
            chunks: BTreeMap::new(),
            replays: BTreeSet::new(),
        });
        let new = ChunkRow {
            page: page.page,
            chunk: chunk.chunk,
            pages: page.pages,
            cut: Cut::of(chunk),
            coins_in: chunk.coins_in.into(),
            rejected: u64::from(chunk.rejected) + refused_coins(loaded),
            transformed_at: timestamp::to_millis(chunk.transformed_at),
            written: loaded.written,
            unchanged: loaded.unchanged,
            stale: loaded.stale,
            loaded_at: now,
            loads: 1,
        };
        batch.replays.extend(ReplayRow::of(chunk));
        let Freshness { newest_quote_at, newest_fetch_at } = &mut self.freshness;
        *newest_quote_at = (*newest_quote_at).max(loaded.newest_quote_at);
        *newest_fetch_at = (*newest_fetch_at).max(loaded.newest_fetch_at);
        let Some(held) = batch.chunks.get_mut(&(page.page, chunk.chunk)) else {
            batch.chunks.insert((page.page, chunk.chunk), new);
            return;
        };
        let (loads, loaded_at) = (held.loads + 1, held.loaded_at.max(now));
        if new.transformed_at >= held.transformed_at {
            // A repeat of the same cut keeps what its first load found.
            let first = if new.cut.is(held.cut) { *held } else { new };
            let (written, unchanged, stale) = (first.written, first.unchanged, first.stale);
            *held = ChunkRow { written, unchanged, stale, ..new };
        }
        (held.loads, held.loaded_at) = (loads, loaded_at);
    }

    pub(super) fn freshness(&self) -> Freshness {
        self.freshness
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
        let batch = BatchRow {
            id: id.clone(),
            slot: self.slot,
            endpoint: self.endpoint.clone(),
            convert: self.convert.clone(),
            simulated: self.simulated,
            fetched_at: announced.map(|announced| announced.fetched_at),
            pages: announced.map(|announced| announced.pages),
            credits: announced.map(|announced| announced.credits),
        };
        tables::ledger::record(batch, self.chunks.values().copied(), self.replays.iter().cloned())
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

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        Ok(self.state()?.ledger.batches.get(id).map(|batch| batch.record(id)))
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        let mut records = newest_first(&self.state()?.ledger.batches);
        records.retain(|record| ids.contains(&record.id));
        Ok(records)
    }
}

fn newest_first(batches: &BTreeMap<BatchId, Batch>) -> Vec<BatchRecord> {
    let mut records: Vec<_> = batches.iter().map(|(id, batch)| batch.record(id)).collect();
    records.sort_by(|one, other| (other.slot, &other.id).cmp(&(one.slot, &one.id)));
    records
}

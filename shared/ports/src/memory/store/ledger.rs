//! The ledger of batches in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, Slot, timestamp};

use super::MemoryStore;
use crate::store::{BatchRecord, DataOrigins, Ledger, Loaded, StoreError};

/// Batches, and the chunks of each by (page, chunk).
#[derive(Default)]
pub(super) struct Books {
    batches: BTreeMap<BatchId, Batch>,
}

struct Batch {
    slot: Slot,
    endpoint: String,
    convert: Vec<String>,
    simulated: bool,
    announced: Option<Announced>,
    chunks: BTreeMap<(u32, u32), Line>,
}

struct Announced {
    fetched_at: DateTime<Utc>,
    pages: u32,
    credits: u32,
}

/// What the transformer said about a chunk, by its newest version; what its first load found; and how
/// often it was loaded.
struct Line {
    pages: u32,
    chunks: u32,
    coins_in: u64,
    rejected: u64,
    transformed_at: DateTime<Utc>,
    first_load: Loaded,
    loaded_at: DateTime<Utc>,
    loads: u32,
}

impl Books {
    pub(super) fn record_fetched(&mut self, fetched: &Fetched) {
        let batch = self.batches.entry(fetched.batch.clone()).or_insert_with(|| Batch {
            slot: fetched.slot,
            endpoint: fetched.endpoint.clone(),
            convert: fetched.convert.clone(),
            simulated: fetched.simulated,
            announced: None,
            chunks: BTreeMap::new(),
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
        });
        let new = Line {
            pages: page.pages,
            chunks: chunk.chunks,
            coins_in: chunk.coins_in.into(),
            rejected: u64::from(chunk.rejected) + refused_coins(loaded),
            transformed_at: timestamp::to_millis(chunk.transformed_at),
            first_load: loaded.clone(),
            loaded_at: now,
            loads: 1,
        };
        match batch.chunks.get_mut(&(page.page, chunk.chunk)) {
            None => {
                batch.chunks.insert((page.page, chunk.chunk), new);
            }
            Some(held) => {
                held.loads += 1;
                held.loaded_at = held.loaded_at.max(now);
                if new.transformed_at >= held.transformed_at {
                    held.pages = new.pages;
                    held.chunks = new.chunks;
                    held.coins_in = new.coins_in;
                    held.rejected = new.rejected;
                    held.transformed_at = new.transformed_at;
                }
            }
        }
    }

    pub(super) fn origins(&self) -> DataOrigins {
        DataOrigins {
            simulated: self.batches.values().any(|batch| batch.simulated),
            real: self.batches.values().any(|batch| !batch.simulated),
        }
    }
}

impl Batch {
    fn record(&self, id: &BatchId) -> BatchRecord {
        let lines = || self.chunks.values();
        BatchRecord {
            id: id.clone(),
            slot: self.slot,
            endpoint: self.endpoint.clone(),
            convert: self.convert.clone(),
            simulated: self.simulated,
            fetched_at: self.announced.as_ref().map(|announced| announced.fetched_at),
            transformed_at: lines().map(|line| line.transformed_at).max(),
            loaded_at: lines().map(|line| line.loaded_at).max(),
            pages: self.pages(),
            credits: self.announced.as_ref().map(|announced| announced.credits),
            coins_in: lines().map(|line| line.coins_in).sum(),
            rejected: lines().map(|line| line.rejected).sum(),
            written: lines().map(|line| line.first_load.written).sum(),
            unchanged: lines().map(|line| line.first_load.unchanged).sum(),
            stale: lines().map(|line| line.first_load.stale).sum(),
            loads: lines().map(|line| line.loads).max().unwrap_or(0),
            missing: self.missing(),
        }
    }

    /// How many pages the announcement promised or, before it came, the pages themselves.
    fn pages(&self) -> Option<u32> {
        let promised = self.announced.as_ref().map(|announced| announced.pages);
        promised.or_else(|| self.chunks.values().map(|line| line.pages).max())
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for page in 1..=self.pages().unwrap_or(0) {
            let lines = || self.chunks.range((page, 0)..=(page, u32::MAX));
            // Chunks of one page differ only when it was transformed again with another chunk size.
            let Some((_, newest)) = lines().max_by_key(|(_, line)| line.transformed_at) else {
                missing.push(format!("page {page}"));
                continue;
            };
            let absent = (1..=newest.chunks).filter(|chunk| !self.chunks.contains_key(&(page, *chunk)));
            missing.extend(absent.map(|chunk| format!("page {page} chunk {chunk} of {}", newest.chunks)));
        }
        missing
    }
}

/// A coin refused in several currencies is one coin.
fn refused_coins(loaded: &Loaded) -> u64 {
    loaded.refused.iter().map(|refused| refused.coin_id).collect::<BTreeSet<_>>().len() as u64
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        let state = self.state()?;
        let mut records: Vec<_> = state.books.batches.iter().map(|(id, batch)| batch.record(id)).collect();
        records.sort_by(|one, other| (other.slot, &other.id).cmp(&(one.slot, &one.id)));
        records.truncate(limit as usize);
        Ok(records)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        Ok(self.state()?.books.batches.get(id).map(|batch| batch.record(id)))
    }
}

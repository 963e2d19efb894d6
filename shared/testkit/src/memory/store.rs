//! The store in memory: the simplest code that keeps the store ports' promises.
//!
//! It doubles as the oracle of other tests: what it holds after loading chunks one by one is what every
//! real store must hold, in whatever order and however often it got them. See [`Tables`].

mod browse;
mod desk;
mod drops;
mod ledger;
mod market;
mod outbox;
mod processes;
mod proofs;
mod quotes;
mod schedules;
mod silences;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, MarketChunk, MarketKind, Schedule, timestamp};

use ports::Clock;
use ports::store::{DataKinds, Loaded, ProcessRecord, Silence, Store, StoreError};

use crate::contents::Contents;
use crate::tables::{CoinEntry, MarketEntry, QuoteEntry, Tables, Vanished};
use desk::Desk;
use ledger::LedgerState;
use market::MarketRows;
use outbox::Mails;
use quotes::Rows;
use schedules::Announced;

/// The store, in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    available: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: Rows,
    /// What the rows are made of, and up to when the history was pruned.
    loaded: Vec<Chunk>,
    pruned: Option<DateTime<Utc>>,
    /// What the rows of the market are made of.
    loaded_market: Vec<MarketChunk>,
    market: MarketRows,
    ledger: LedgerState,
    desk: Desk,
    mails: Mails,
    /// By the fingerprint of their group.
    silences: BTreeMap<String, Silence>,
    schedules: Announced,
    /// By their ids.
    processes: BTreeMap<String, ProcessRecord>,
}

impl State {
    /// Whether a map is whole may have changed.
    fn note_whole(&mut self, batch: &BatchId) {
        if MarketKind::of_endpoint(batch.endpoint()) == Some(MarketKind::Map) {
            let record = self.ledger.batch(batch);
            let whole = record.filter(|record| {
                let is_in = record.fetched_at.is_some() && record.dropped.is_none();
                is_in && record.is_complete() && !record.lacks_coins()
            });
            self.market.note(batch, whole.map(|whole| whole.slot));
        }
    }
}

impl MemoryStore {
    /// An empty store that dates what it does by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, available: AtomicBool::new(true), state: Mutex::default() }
    }

    /// Starts (`false`) or ends (`true`) an outage: meanwhile every call of a port fails as transient.
    /// The inspections below work all the same.
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::SeqCst);
    }

    /// All rows about coins.
    pub fn tables(&self) -> Tables {
        self.lock().rows.tables()
    }

    /// The rows of `coins`, by id.
    pub fn coins(&self) -> Vec<CoinEntry> {
        self.tables().coins
    }

    /// The rows of `quotes_latest`, by coin and currency.
    pub fn latest(&self) -> Vec<QuoteEntry> {
        self.tables().latest
    }

    /// The rows of `quotes_history`, by coin, currency and `last_updated`.
    pub fn history(&self) -> Vec<QuoteEntry> {
        self.tables().history
    }

    fn now(&self) -> DateTime<Utc> {
        timestamp::to_millis(self.clock.now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.available.load(Ordering::SeqCst) {
            Ok(self.lock())
        } else {
            Err(StoreError::Unavailable { reason: "the memory store was told to be away".to_owned() })
        }
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("available", &self.available).finish_non_exhaustive()
    }
}

#[async_trait]
impl Contents for MemoryStore {
    async fn tables(&self) -> Tables {
        self.lock().rows.tables()
    }

    async fn market(&self, kind: MarketKind) -> Vec<MarketEntry> {
        self.lock().market.of(kind)
    }

    async fn vanished(&self) -> Vec<Vanished> {
        self.lock().market.vanished()
    }

    async fn resolve(&self, fingerprint: &str) {
        self.lock().desk.resolve(fingerprint);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        let mut state = self.state()?;
        let mut all = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            state.ledger.admit(chunk.page.simulated)?;
            if state.ledger.is_dropped(&chunk.page.batch) {
                all.push(Loaded { is_dropped: true, ..Loaded::default() });
                continue;
            }
            let loaded = state.rows.load(chunk);
            state.ledger.record_chunk(chunk, &loaded, self.now());
            state.loaded.push((*chunk).clone());
            all.push(loaded);
        }
        Ok(all)
    }

    async fn load_market(&self, chunk: &MarketChunk) -> Result<Loaded, StoreError> {
        let mut state = self.state()?;
        state.ledger.admit(chunk.head.page.simulated)?;
        if state.ledger.is_dropped(&chunk.head.page.batch) {
            return Ok(Loaded { is_dropped: true, ..Loaded::default() });
        }
        let loaded = state.market.load(chunk);
        state.loaded_market.push(chunk.clone());
        state.ledger.record_chunk(&chunk.head, &loaded, self.now());
        state.note_whole(&chunk.head.page.batch);
        Ok(loaded)
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        let mut state = self.state()?;
        state.ledger.admit(fetched.simulated)?;
        state.ledger.record_fetched(fetched);
        state.note_whole(&fetched.batch);
        Ok(())
    }

    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let mut state = self.state()?;
        if state.ledger.kind().is_some_and(|simulated| simulated != schedule.simulated) {
            return Err(StoreError::Mixed { simulated: schedule.simulated });
        }
        state.schedules.record(schedule);
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.state().map(|_| ())
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.state()?;
        state.pruned = state.pruned.max(Some(before));
        Ok(state.rows.prune_history(before, limit))
    }

    async fn data_kinds(&self) -> Result<DataKinds, StoreError> {
        Ok(self.state()?.ledger.data_kinds())
    }
}

//! A store in memory behind a gate, as those on disk and on servers have one, that can take nothing for a while.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, DeadLetter, Fetched, Schedule};
use outage::{Away, Gate, Need};
use ports::store::{BatchKey, Course, OutboxState, Paid};
use ports::{
    AlertGroup, BatchRecord, Claim, ClaimedMail, Clock, DataKinds, FiledCounts, FiledLetter, Freshness,
    GroupState, Ledger, LetterSummary, Letters, ListedCoin, Loaded, Mail, MailResult, MailTrouble, Outbox,
    Planner, Quotes, Store, StoreError, TopCoin, Totals,
};
use testkit::memory::MemoryStore;

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It reads and writes.
    Well,
    /// It reads.
    ReadOnly,
    /// It reads, and writes as little as it takes to look.
    Full,
    /// It does nothing.
    Away,
}

pub(super) struct PacedStore {
    memory: MemoryStore,
    gate: Gate,
    state: Mutex<State>,
    calls: AtomicU32,
}

impl PacedStore {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (gate, calls) = (Gate::default(), AtomicU32::new(0));
        Self { memory: MemoryStore::new(clock), gate, state: Mutex::new(State::Well), calls }
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock().unwrap() = state;
    }

    /// How often it was asked since this was asked last.
    pub(super) fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::SeqCst)
    }

    pub(super) fn coins(&self) -> usize {
        self.memory.coins().len()
    }

    pub(super) async fn letters_filed(&self) -> usize {
        self.memory.letters(None, 1000).await.unwrap().len()
    }

    fn ask(&self, refuses: &[State]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let state = *self.state.lock().unwrap();
        if refuses.contains(&state) { Err(StoreError::away(format!("{state:?}"))) } else { Ok(()) }
    }

    fn look(&self, need: Need) -> Result<(), StoreError> {
        let refuses: &[State] =
            if need == Need::Write { &[State::ReadOnly, State::Away] } else { &[State::Away] };
        self.ask(refuses)
    }

    async fn through<T>(
        &self,
        need: Need,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _pass = self.gate.pass(need, |need| std::future::ready(self.look(need))).await?;
        let refuses: &[State] = match need {
            Need::Write => &[State::ReadOnly, State::Full, State::Away],
            Need::Read => &[State::Away],
        };
        let done = match self.ask(refuses) {
            Ok(()) => call.await,
            Err(error) => Err(error),
        };
        self.gate.ended(need, &done);
        done
    }

    async fn prove(&self) -> Result<(), StoreError> {
        let failing = self.gate.failing();
        drop(self.gate.pass(Need::Write, |need| std::future::ready(self.look(need))).await?);
        if failing == Some(Need::Write) {
            return Ok(());
        }
        let looked = self.look(Need::Write);
        if let Err(error) = &looked {
            self.gate.failed(Need::Write, error);
        }
        looked
    }
}

#[async_trait]
impl Store for PacedStore {
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        self.through(Need::Write, self.memory.load_all(chunks)).await
    }

    async fn load_market(&self, chunk: &domain::MarketChunk) -> Result<Loaded, StoreError> {
        self.through(Need::Write, self.memory.load_market(chunk)).await
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        self.through(Need::Write, self.memory.record_fetched(fetched)).await
    }

    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        self.through(Need::Write, self.memory.record_schedule(schedule)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.prove().await
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.through(Need::Write, self.memory.prune_history(before, limit)).await
    }

    async fn data_kinds(&self) -> Result<DataKinds, StoreError> {
        self.through(Need::Read, self.memory.data_kinds()).await
    }
}

#[async_trait]
impl Ledger for PacedStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        self.through(Need::Read, self.memory.batches(limit)).await
    }

    async fn batches_before(&self, key: BatchKey<'_>, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        self.through(Need::Read, self.memory.batches_before(key, limit)).await
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        self.through(Need::Read, self.memory.batch(id)).await
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        self.through(Need::Read, self.memory.batches_of(ids)).await
    }

    async fn paid_since(&self, since: DateTime<Utc>) -> Result<Vec<Paid>, StoreError> {
        self.through(Need::Read, self.memory.paid_since(since)).await
    }

    async fn courses(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Course>, StoreError> {
        self.through(Need::Read, self.memory.courses(from, to, limit)).await
    }
}

#[async_trait]
impl Quotes for PacedStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        self.through(Need::Read, self.memory.freshness()).await
    }

    async fn newest_in(
        &self,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.through(Need::Read, self.memory.newest_in(currency, since)).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.through(Need::Read, self.memory.totals()).await
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        self.through(Need::Read, self.memory.top(currency, limit)).await
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        self.through(Need::Read, self.memory.listed(currency)).await
    }
}

#[async_trait]
impl Letters for PacedStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        self.prove().await
    }

    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        self.through(Need::Write, self.memory.file(letter, fingerprint)).await
    }

    async fn resolve(&self, fingerprint: &str, total: u64, resolution: &str) -> Result<bool, StoreError> {
        self.through(Need::Write, self.memory.resolve(fingerprint, total, resolution)).await
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        self.through(Need::Read, self.memory.groups(state)).await
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        self.through(Need::Read, self.memory.letters(fingerprint, limit)).await
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        self.through(Need::Read, self.memory.letter(id)).await
    }

    async fn count_filed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<FiledCounts, StoreError> {
        self.through(Need::Read, self.memory.count_filed(from, to)).await
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        self.through(Need::Read, self.memory.filed(ids)).await
    }
}

#[async_trait]
impl Outbox for PacedStore {
    /// As on servers: what is not there is seen without writing.
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        let is_due = Mutex::new(false);
        let look = |standing: &OutboxState| {
            *is_due.lock().unwrap() |= plan(standing).is_some();
            None
        };
        self.through(Need::Read, self.memory.post(since, &look)).await?;
        if !*is_due.lock().unwrap() {
            return Ok(None);
        }
        self.through(Need::Write, self.memory.post(since, plan)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError> {
        if self.through(Need::Read, self.memory.trouble()).await?.waiting == 0 {
            return Ok(None);
        }
        self.through(Need::Write, self.memory.claim(claim)).await
    }

    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError> {
        self.through(Need::Write, self.memory.record(id, number, at, result)).await
    }

    async fn is_posted(&self, id: &str) -> Result<bool, StoreError> {
        self.through(Need::Read, self.memory.is_posted(id)).await
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        self.through(Need::Read, self.memory.trouble()).await
    }
}

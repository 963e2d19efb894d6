//! The store on a server: coins and quotes, the ledger, the dead-letter desk and the outbox.
//!
//! Doubles come back bit for bit, except that negative zero is written as zero.

mod batch_numbers;
mod browse;
mod columns;
mod data_kind;
mod desk;
mod drops;
mod insert;
mod ledger;
mod letters;
mod load;
mod market;
mod of_coins;
mod outbox;
mod parameters;
#[cfg(test)]
mod plans;
mod processes;
mod proofs;
mod quotes;
mod row;
mod schedules;
mod silences;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, MarketChunk, Schedule, timestamp};
use outage::Away;
use ports::store::Halfway;
use ports::{Clock, DataKinds, Loaded, Store, StoreError};
use sqlx::mysql::MySqlConnection;
use tables::load::transaction::Load;
use tables::market::load::MarketLoad;
use tables::read::ledger::{DATA_KINDS, data_kinds};
use tables::schema::Schema;

use crate::database::{Database, Work};
use crate::options::Options;
use columns::read_one;
use load::{Beside, Numbered, Outcome};
use parameters::datetime;

pub(crate) const SCHEMA: Schema = tables::store_schema!("mysql");

/// The store ports over one database.
#[derive(Debug)]
pub struct MysqlStore {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
}

impl MysqlStore {
    /// The store in the database of `options`, its schema brought up to date. What it does is dated by
    /// `clock`.
    ///
    /// A server that is away is no error: the schema's turn comes with the first call that reaches it.
    /// Whatever someone has to change first is.
    pub async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        options.check_files().await?;
        let store = Self { database: Database::new(options, Some(&SCHEMA)), clock };
        match store.database.migrate().await {
            Err(error) if error.is_away() => {
                tracing::warn!(%error, "the store is away; waiting for it");
                Ok(store)
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(store),
        }
    }

    /// Waits for running calls and closes all connections. Later calls fail as unavailable.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Does `load`, of `batches`; those that have no number yet get one first.
    async fn load_numbered<T>(
        &self,
        load: &impl Work<Output = Outcome<T>>,
        batches: &BTreeSet<&BatchId>,
    ) -> Result<Option<T>, StoreError> {
        let mut outcome = self.database.write(load).await?;
        if matches!(outcome, Outcome::Unnumbered) {
            batch_numbers::make(&self.database, batches).await?;
            outcome = self.database.write(load).await?;
        }
        match outcome {
            Outcome::Loaded(loaded) => Ok(loaded),
            Outcome::Unnumbered => {
                let reason = "a number that was just made for a batch is not there".to_owned();
                Err(StoreError::Unavailable { reason })
            }
        }
    }

    async fn load_group(
        &self,
        chunks: &[&Chunk],
        halfway: Option<Beside<'_>>,
    ) -> Result<Vec<Loaded>, StoreError> {
        let Some(load) = Load::of(chunks, self.now()) else { return Ok(Vec::new()) };
        let batches = chunks.iter().map(|chunk| &chunk.page.batch).collect();
        let numbered = Numbered { load: &load, batches: &batches, halfway };
        self.load_numbered(&numbered, &batches).await?.ok_or(load.mixed())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        timestamp::to_millis(self.clock.now())
    }

    /// What `error`, from a row that was read, means to callers.
    pub(crate) fn blame(&self, error: sqlx::Error) -> StoreError {
        self.database.blame(error).into()
    }
}

#[async_trait]
impl Store for MysqlStore {
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        self.load_group(chunks, None).await
    }

    async fn load_beside(&self, chunks: &[&Chunk], halfway: &dyn Halfway) -> Result<Vec<Loaded>, StoreError> {
        // Two loads, and whatever else this process asks meanwhile, need a connection each.
        let patience = self.database.patience();
        let beside = (self.database.connections() > 2).then_some((halfway, patience));
        self.load_group(chunks, beside).await
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        let recorded = self.database.write(&ledger::Announcement(fetched)).await?;
        recorded.ok_or(StoreError::Mixed { simulated: fetched.simulated })?;
        self.note_whole(&fetched.batch).await
    }

    async fn load_market(&self, chunk: &MarketChunk) -> Result<Loaded, StoreError> {
        let load = MarketLoad::of(chunk, self.now());
        let loaded = self.load_numbered(&load, &BTreeSet::from([load.batch()])).await?;
        let loaded = loaded.ok_or(load.mixed())?;
        self.note_whole(load.batch()).await.map(|()| loaded)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let recorded = self.database.write(&schedules::Announced(schedule)).await?;
        recorded.ok_or(StoreError::Mixed { simulated: schedule.simulated })
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(self.database.write(&Prune { before, limit }).await?)
    }

    async fn data_kinds(&self) -> Result<DataKinds, StoreError> {
        let rows = self.database.read(sqlx::query(DATA_KINDS)).await?;
        read_one(&rows, data_kinds).map_err(|error| self.blame(error))
    }
}

/// Deletes the oldest rows of the history.
struct Prune {
    before: DateTime<Utc>,
    limit: u32,
}

impl Work for Prune {
    type Output = u64;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<u64, sqlx::Error> {
        let sql =
            "DELETE FROM history WHERE last_updated < ? ORDER BY last_updated, coin_id, currency LIMIT ?";
        let query = sqlx::query(sql).bind(datetime(self.before)).bind(self.limit);
        Ok(query.execute(connection).await?.rows_affected())
    }

    fn has_written(&self, rows: &u64) -> bool {
        *rows > 0
    }
}

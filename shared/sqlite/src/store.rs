//! The store in a SQLite file: coins and quotes, the ledger, the dead-letter desk and the outbox.
//!
//! Doubles come back bit for bit, except that SQLite writes negative zero as zero.

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
mod outbox;
mod packed;
mod parameters;
mod processes;
mod proofs;
mod quotes;
mod schedules;
mod silences;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched, MarketChunk, Schedule, timestamp};
use ports::{Clock, DataKinds, Loaded, Store, StoreError};
use tables::load::transaction::Load;
use tables::market::load::MarketLoad;
use tables::schema::Schema;

use crate::database::Database;
use ledger::Announcement;

pub(crate) const SCHEMA: Schema = tables::store_schema!("sqlite");

/// The store ports over one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Brings the store's schema in `database` up to date. What the store does is dated by `clock`.
    pub async fn open(database: Database, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        database.migrate(&SCHEMA).await?;
        Ok(Self { database, clock })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        timestamp::to_millis(self.clock.now())
    }

    /// What `error`, from a statement of the store, means to its callers.
    pub(crate) fn blame(&self, error: sqlx::Error) -> StoreError {
        self.database.blame(error).into()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        let Some(load) = Load::of(chunks, self.now()) else { return Ok(Vec::new()) };
        self.database.write(&load).await?.ok_or(load.mixed())
    }

    async fn load_market(&self, chunk: &MarketChunk) -> Result<Loaded, StoreError> {
        let load = MarketLoad::of(chunk, self.now());
        let loaded = self.database.write(&load).await?.ok_or(load.mixed())?;
        self.note_whole(load.batch()).await?;
        Ok(loaded)
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        let recorded = self.database.write(&Announcement(fetched)).await?;
        recorded.ok_or(StoreError::Mixed { simulated: fetched.simulated })?;
        self.note_whole(&fetched.batch).await
    }

    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let recorded = self.database.write(&schedules::Announced(schedule)).await?;
        recorded.ok_or(StoreError::Mixed { simulated: schedule.simulated })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM history WHERE (last_updated, coin_id, currency) IN ( \
                       SELECT last_updated, coin_id, currency FROM history \
                       WHERE last_updated < ? ORDER BY last_updated, coin_id, currency LIMIT ?)";
        let mut transaction = self.database.begin().await?;
        let query = sqlx::query(sql).bind(timestamp::to_text(before)).bind(limit);
        let pruned = query.execute(&mut *transaction).await.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(pruned.rows_affected())
    }

    async fn data_kinds(&self) -> Result<DataKinds, StoreError> {
        data_kind::data_kinds(self.database.readers()).await.map_err(|error| self.blame(error))
    }
}

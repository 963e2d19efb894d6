//! The store in a SQLite file: coins and quotes, the ledger, the dead-letter desk and the outbox.
//!
//! Doubles come back bit for bit, except that SQLite writes negative zero as zero.

pub(crate) mod columns;
mod insert;
mod ledger;
mod load;
mod origin;
mod outbox;
pub(crate) mod parameters;
mod quotes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched, timestamp};
use ports::{Clock, DataKinds, Loaded, Store, StoreError};
use tables::schema::Schema;

use crate::database::Database;

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
        let blame = |error| self.blame(error);
        let Some(simulated) = chunks.first().map(|chunk| chunk.page.simulated) else { return Ok(Vec::new()) };
        let mut transaction = self.database.begin().await?;
        if !origin::admit(&mut transaction, simulated).await.map_err(blame)? {
            return Err(StoreError::Mixed { simulated });
        }
        let mut all = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let loaded = load::load_rows(&mut transaction, chunk).await.map_err(blame)?;
            ledger::record_chunk(&mut transaction, chunk, &loaded, self.now()).await.map_err(blame)?;
            all.push(loaded);
        }
        transaction.commit().await.map_err(blame)?;
        Ok(all)
    }

    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError> {
        let blame = |error| self.blame(error);
        let mut transaction = self.database.begin().await?;
        let simulated = fetched.simulated;
        if !origin::admit(&mut transaction, simulated).await.map_err(blame)? {
            return Err(StoreError::Mixed { simulated });
        }
        ledger::record_fetched(&mut transaction, fetched).await.map_err(blame)?;
        transaction.commit().await.map_err(blame)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM quotes_history WHERE (coin_id, currency, last_updated) IN ( \
                       SELECT coin_id, currency, last_updated FROM quotes_history \
                       WHERE last_updated < ? ORDER BY last_updated LIMIT ?)";
        let mut transaction = self.database.begin().await?;
        let query = sqlx::query(sql).bind(timestamp::to_text(before)).bind(limit);
        let pruned = query.execute(&mut *transaction).await.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(pruned.rows_affected())
    }

    async fn origins(&self) -> Result<DataKinds, StoreError> {
        origin::origins(self.database.readers()).await.map_err(|error| self.blame(error))
    }
}

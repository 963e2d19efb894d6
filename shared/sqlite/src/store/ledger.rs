//! The ledger of batches in SQLite.

mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, timestamp};
use ports::store::{BatchKey, Course, Paid};
use ports::{BatchRecord, Ledger, StoreError};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::read::ledger as read;

use super::SqliteStore;
use super::columns::{columns, read_all, undecodable};
use super::parameters::{Query, query};
pub(super) use record::{Announcement, record_chunk};

#[async_trait]
impl Ledger for SqliteStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        self.records(Which::Newest(limit)).await.map_err(|error| self.blame(error))
    }

    async fn batches_before(&self, key: BatchKey<'_>, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        self.records(Which::Before(key, limit)).await.map_err(|error| self.blame(error))
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        let records = self.records(Which::Named(id)).await;
        Ok(records.map_err(|error| self.blame(error))?.pop())
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        self.records(Which::Among(ids)).await.map_err(|error| self.blame(error))
    }

    async fn paid_since(&self, since: DateTime<Utc>) -> Result<Vec<Paid>, StoreError> {
        let rows = query(read::PAID_SINCE, [since.into()]).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, read::paid)).map_err(|error| self.blame(error))
    }

    async fn courses(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Course>, StoreError> {
        let query = query(read::COURSES, [from.into(), to.into(), limit.into()]);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, read::course)).map_err(|error| self.blame(error))
    }
}

/// Batches that are asked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Newest(u32),
    Before(BatchKey<'a>, u32),
    Named(&'a BatchId),
    Among(&'a [BatchId]),
}

impl<'a> Which<'a> {
    /// As [`read::statements`] makes them.
    pub(super) fn statements(self) -> [String; 3] {
        let from = match self {
            Self::Newest(_) => "FROM batches ORDER BY slot DESC, id DESC LIMIT ?",
            Self::Before(..) => read::BEFORE,
            Self::Named(_) => "FROM batches WHERE id = ?",
            Self::Among(_) => {
                "FROM batches WHERE id IN (SELECT value FROM json_each(?)) ORDER BY slot DESC, id DESC"
            }
        };
        read::statements(from, "CROSS JOIN")
    }

    fn query(self, sql: String) -> Query<'a> {
        let query = sqlx::query(AssertSqlSafe(sql));
        match self {
            Self::Newest(limit) => query.bind(limit),
            Self::Named(id) => query.bind(id.as_str()),
            Self::Before((slot, id), limit) => {
                let slot = timestamp::to_text(slot.starts_at());
                query.bind(slot.clone()).bind(slot).bind(id.as_str()).bind(limit)
            }
            Self::Among(ids) => {
                let ids: Vec<_> = ids.iter().map(BatchId::as_str).collect();
                query.bind(serde_json::json!(ids).to_string())
            }
        }
    }
}

impl SqliteStore {
    /// The batches that are asked for, as of one moment.
    async fn records(&self, which: Which<'_>) -> Result<Vec<BatchRecord>, sqlx::Error> {
        let mut snapshot = self.database.readers().begin().await?;
        records(&mut snapshot, which).await
    }
}

/// The batches that are asked for, as the transaction of `connection` sees them.
pub(super) async fn records(
    connection: &mut SqliteConnection,
    which: Which<'_>,
) -> Result<Vec<BatchRecord>, sqlx::Error> {
    let [batches, chunks, replays] = which.statements();
    let batches = which.query(batches).fetch_all(&mut *connection).await?;
    let chunks = which.query(chunks).fetch_all(&mut *connection).await?;
    let replays = which.query(replays).fetch_all(connection).await?;
    read::records(columns(&batches), columns(&chunks), columns(&replays)).map_err(undecodable)
}

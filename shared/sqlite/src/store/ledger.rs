//! The ledger of batches in SQLite.

mod record;

use async_trait::async_trait;
use domain::BatchId;
use ports::{BatchRecord, Ledger, StoreError};
use sqlx::{AssertSqlSafe, Sqlite};
use tables::ledger::rows::{self, BATCH, CHUNK, REPLAY};

use super::SqliteStore;
use super::columns::Columns;
pub(super) use record::{integer, record_chunk, record_fetched};

#[async_trait]
impl Ledger for SqliteStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        self.records(Which::Newest(limit)).await.map_err(|error| self.blame(error))
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        let records = self.records(Which::Named(id)).await;
        Ok(records.map_err(|error| self.blame(error))?.pop())
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        self.records(Which::Among(ids)).await.map_err(|error| self.blame(error))
    }
}

/// Batches that are asked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Newest(u32),
    Named(&'a BatchId),
    Among(&'a [BatchId]),
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

impl<'a> Which<'a> {
    /// The statements that find them, their chunks, and the replays of these: three, however many batches there are. Each
    /// has one value to bind.
    pub(super) fn statements(self) -> [String; 3] {
        let which = match self {
            Self::Newest(_) => "SELECT id FROM batches ORDER BY slot DESC, id DESC LIMIT ?",
            Self::Named(_) => "SELECT id FROM batches WHERE id = ?",
            Self::Among(_) => "SELECT id FROM batches WHERE id IN (SELECT value FROM json_each(?))",
        };
        [
            format!(
                "SELECT {BATCH} FROM batches \
                 WHERE id IN ({which}) ORDER BY slot DESC, id DESC"
            ),
            // A cross join keeps the order: each batch, and then its lines by their key.
            format!(
                "SELECT {CHUNK} \
                 FROM ({which}) AS wanted CROSS JOIN batch_chunks AS c ON c.batch_id = wanted.id"
            ),
            format!(
                "SELECT {REPLAY} \
                 FROM ({which}) AS wanted CROSS JOIN chunk_replays AS r ON r.batch_id = wanted.id"
            ),
        ]
    }

    fn query(self, sql: String) -> Query<'a> {
        let query = sqlx::query(AssertSqlSafe(sql));
        match self {
            Self::Newest(limit) => query.bind(limit),
            Self::Named(id) => query.bind(id.as_str()),
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
        let [batches, chunks, replays] = which.statements();
        let mut snapshot = self.database.readers().begin().await?;
        let batches = which.query(batches).fetch_all(&mut *snapshot).await?;
        let chunks = which.query(chunks).fetch_all(&mut *snapshot).await?;
        let replays = which.query(replays).fetch_all(&mut *snapshot).await?;
        rows::read(
            batches.iter().map(Columns::new),
            chunks.iter().map(Columns::new),
            replays.iter().map(Columns::new),
        )
    }
}

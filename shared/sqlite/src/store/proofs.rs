//! What a file holds, without the numbers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, timestamp};
use ports::{LedgerLine, Proofs, QuoteKey, StoreError};
use sqlx::AssertSqlSafe;
use tables::read::proofs as read;
use tables::row::{Row, Unreadable};

use super::SqliteStore;
use super::columns::read_all;
use super::ledger::Which;
use super::parameters::Query;

#[async_trait]
impl Proofs for SqliteStore {
    async fn quotes_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<QuoteKey>, StoreError> {
        self.found(between(read::BETWEEN, from, to), read::quote).await
    }

    async fn quotes_at(&self, instants: &[DateTime<Utc>]) -> Result<Vec<QuoteKey>, StoreError> {
        if instants.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(AssertSqlSafe(read::at(instants.len()))).persistent(false);
        let query = instants.iter().fold(query, |query, at| query.bind(timestamp::to_text(*at)));
        self.found(query, read::quote).await
    }

    async fn latest_quotes(&self) -> Result<Vec<QuoteKey>, StoreError> {
        self.found(sqlx::query(read::LATEST), read::quote).await
    }

    async fn quotes_by_batch(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(BatchId, u64)>, StoreError> {
        self.found(between(read::BY_BATCH, from, to), read::of_batch).await
    }

    async fn lines_of(&self, batches: &[BatchId]) -> Result<Vec<LedgerLine>, StoreError> {
        let which = Which::Among(batches);
        let [_, lines, _] = which.statements();
        self.found(which.query(lines), read::line).await
    }
}

impl SqliteStore {
    async fn found<T>(
        &self,
        query: Query<'_>,
        reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, reader)).map_err(|error| self.blame(error))
    }
}

fn between(sql: &'static str, from: DateTime<Utc>, to: DateTime<Utc>) -> Query<'static> {
    sqlx::query(sql).bind(timestamp::to_text(from)).bind(timestamp::to_text(to))
}

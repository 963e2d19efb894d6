//! What the database holds, without the numbers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::{LedgerLine, Proofs, QuoteKey, StoreError};
use sqlx::AssertSqlSafe;
use tables::read::proofs as read;
use tables::row::{Row, Unreadable};

use super::MysqlStore;
use super::columns::read_all;
use super::ledger::Which;
use super::parameters::{Query, datetime};

#[async_trait]
impl Proofs for MysqlStore {
    async fn quotes_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<QuoteKey>, StoreError> {
        self.found(between(read::BETWEEN, from, to), read::quote).await
    }

    async fn quotes_at(&self, instants: &[DateTime<Utc>]) -> Result<Vec<QuoteKey>, StoreError> {
        let Some(last) = instants.last() else { return Ok(Vec::new()) };
        // Few shapes, for prepared statements are kept.
        let places = instants.len().next_power_of_two();
        let filled = instants.iter().chain(std::iter::repeat(last)).take(places);
        let query = sqlx::query(AssertSqlSafe(read::at(places)));
        self.found(filled.fold(query, |query, at| query.bind(datetime(*at))), read::quote).await
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
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let which = Which::Among(batches);
        let [_, lines, _] = which.statements();
        self.found(which.query(lines), read::line).await
    }
}

impl MysqlStore {
    async fn found<T>(
        &self,
        query: Query<'_>,
        reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.database.read(query).await?;
        read_all(&rows, reader).map_err(|error| self.blame(error))
    }
}

fn between(sql: &'static str, from: DateTime<Utc>, to: DateTime<Utc>) -> Query<'static> {
    sqlx::query(sql).bind(datetime(from)).bind(datetime(to))
}

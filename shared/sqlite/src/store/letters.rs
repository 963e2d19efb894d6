//! The dead-letter desk in SQLite.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, timestamp};
use ports::{AlertGroup, FiledCounts, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::AssertSqlSafe;
use tables::read::letters::{
    COUNT_FILED, death, deaths_of, filed_counts, group, groups, letter, summaries, summary, whole_letter,
};
use tables::write::letters::{Filing, RESOLVE_GROUP, Resolving};

use super::SqliteStore;
use super::columns::{read, read_all};
use super::parameters::query;

#[async_trait]
impl Letters for SqliteStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let filed = file::file(&mut transaction, Filing { letter, fingerprint, now: self.now() }).await;
        let filed = filed.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(filed)
    }

    async fn resolve(&self, fingerprint: &str, total: u64, resolution: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let resolving = Resolving { fingerprint, total, resolution, now: self.now() };
        let update = query(RESOLVE_GROUP, resolving.group());
        let done = update.execute(&mut *transaction).await.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(done.rows_affected() > 0)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let query = query(AssertSqlSafe(groups(state.is_some())), state.map(|state| state.as_str().into()));
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, group)).map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // SQLite finds the length of a body without reading it.
        let sql = summaries("length(body)", fingerprint.is_some());
        let query = query(AssertSqlSafe(sql), fingerprint.map(Into::into)).bind(limit);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, summary)).map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        let blame = |error| self.blame(error);
        // One moment for both reads.
        let mut reader = self.database.readers().begin().await.map_err(blame)?;
        let letters = sqlx::query(AssertSqlSafe(whole_letter())).bind(id);
        let Some(row) = letters.fetch_optional(&mut *reader).await.map_err(blame)? else { return Ok(None) };
        let rows =
            sqlx::query(AssertSqlSafe(deaths_of())).bind(id).fetch_all(&mut *reader).await.map_err(blame)?;
        let deaths = read_all(&rows, death).map_err(blame)?;
        read(&row, |row| letter(row, deaths)).map(Some).map_err(blame)
    }

    async fn count_filed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<FiledCounts, StoreError> {
        let query = sqlx::query(COUNT_FILED).bind(timestamp::to_text(from)).bind(timestamp::to_text(to));
        let row = query.fetch_one(self.database.readers()).await;
        row.and_then(|row| read(&row, filed_counts)).map_err(|error| self.blame(error))
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT id FROM dead_letters WHERE id IN (SELECT value FROM json_each(?))";
        let ids = serde_json::json!(ids).to_string();
        let found = sqlx::query_scalar(sql).bind(ids).fetch_all(self.database.readers()).await;
        found.map(BTreeSet::from_iter).map_err(|error| self.blame(error))
    }
}

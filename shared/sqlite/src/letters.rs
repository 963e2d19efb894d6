//! The dead-letter desk in SQLite.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::DeadLetter;
use ports::{AlertGroup, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::AssertSqlSafe;
use tables::letters;

use crate::store::SqliteStore;
use crate::store::columns::Columns;

#[async_trait]
impl Letters for SqliteStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let filed = file::file(&mut transaction, letter, fingerprint, self.now()).await;
        let filed = filed.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(filed)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(letters::groups(state.is_some())));
        let query = match state {
            Some(state) => query.bind(state.as_str()),
            None => query,
        };
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(Columns::new).map(letters::group).collect())
            .map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // SQLite finds the length of a body without reading it.
        let sql = letters::summaries("length(body)", fingerprint.is_some());
        let query = sqlx::query(AssertSqlSafe(sql));
        let query = match fingerprint {
            Some(fingerprint) => query.bind(fingerprint),
            None => query,
        };
        let rows = query.bind(limit).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(Columns::new).map(letters::summary).collect())
            .map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        let blame = |error| self.blame(error);
        // One moment for both reads.
        let mut reader = self.database.readers().begin().await.map_err(blame)?;
        let Some(row) =
            sqlx::query(letters::LETTER).bind(id).fetch_optional(&mut *reader).await.map_err(blame)?
        else {
            return Ok(None);
        };
        let rows = sqlx::query(letters::DEATHS).bind(id).fetch_all(&mut *reader).await.map_err(blame)?;
        let deaths =
            rows.iter().map(Columns::new).map(letters::death).collect::<Result<_, _>>().map_err(blame)?;
        letters::filed(Columns::new(&row), deaths).map(Some).map_err(blame)
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT id FROM dead_letters WHERE id IN (SELECT value FROM json_each(?))";
        let ids = serde_json::json!(ids).to_string();
        let found = sqlx::query_scalar(sql).bind(ids).fetch_all(self.database.readers()).await;
        found.map(BTreeSet::from_iter).map_err(|error| self.blame(error))
    }
}

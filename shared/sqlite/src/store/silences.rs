//! Silences in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{Silence, Silences, StoreError};
use sqlx::AssertSqlSafe;
use tables::read::silences::{silence, silences};
use tables::write::silences::{END, end_values, replace, values};

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::query;

#[async_trait]
impl Silences for SqliteStore {
    async fn silence(&self, silence: &Silence) -> Result<(), StoreError> {
        let blame = |error| self.blame(error);
        let mut transaction = self.database.begin().await?;
        let made = query(AssertSqlSafe(replace()), values(silence));
        made.execute(&mut *transaction).await.map_err(blame)?;
        transaction.commit().await.map_err(blame)
    }

    async fn unsilence(&self, fingerprint: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let blame = |error| self.blame(error);
        let mut transaction = self.database.begin().await?;
        let ended = query(END, end_values(fingerprint, now));
        let ended = ended.execute(&mut *transaction).await.map_err(blame)?;
        transaction.commit().await.map_err(blame)?;
        Ok(ended.rows_affected() > 0)
    }

    async fn silences(&self, since: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(silences())).bind(timestamp::to_text(since));
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, silence)).map_err(|error| self.blame(error))
    }
}

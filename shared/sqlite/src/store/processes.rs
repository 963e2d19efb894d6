//! Processes in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{ProcessRecord, Processes, StoreError};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::read::processes as read;
use tables::write::processes as write;

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::query;
use crate::database::Work;
use crate::error::Error;

/// What a process says of itself. It shares the transaction of whoever writes at the same time.
struct Note<'a>(&'a ProcessRecord);

#[async_trait]
impl Work for Note<'_> {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let again = write::told_again().iter().map(|column| format!("{column} = excluded.{column}"));
        let again = again.collect::<Vec<_>>().join(", ");
        let sql = format!("{} ON CONFLICT DO UPDATE SET {again}", *write::INSERT_PROCESS);
        query(AssertSqlSafe(sql), write::values(self.0)).execute(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl Processes for SqliteStore {
    async fn note_process(&self, process: &ProcessRecord) -> Result<(), StoreError> {
        Ok(self.database.write(&Note(process)).await?)
    }

    async fn processes(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<ProcessRecord>, StoreError> {
        let sql = AssertSqlSafe(read::processes());
        let query = query(sql, [since.into(), limit.into()]);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, read::process)).map_err(|error| self.blame(error))
    }

    async fn forget_processes(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let blame = |error| self.blame(error);
        let sql = "DELETE FROM processes WHERE id IN \
                       (SELECT id FROM processes WHERE seen_at < ? ORDER BY seen_at LIMIT ?)";
        let mut transaction = self.database.begin().await?;
        let query = sqlx::query(sql).bind(timestamp::to_text(before)).bind(limit);
        let forgotten = query.execute(&mut *transaction).await.map_err(blame)?;
        transaction.commit().await.map_err(blame)?;
        Ok(forgotten.rows_affected())
    }
}

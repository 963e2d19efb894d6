//! Processes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{ProcessRecord, Processes, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::processes as read;
use tables::write::processes as write;

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::{datetime, query};
use crate::database::Work;

#[async_trait]
impl Processes for MysqlStore {
    async fn note_process(&self, process: &ProcessRecord) -> Result<(), StoreError> {
        Ok(self.database.write(&Note(process)).await?)
    }

    async fn processes(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<ProcessRecord>, StoreError> {
        let sql = AssertSqlSafe(read::processes());
        let rows = self.database.read(query(sql, [since.into(), limit.into()])).await?;
        read_all(&rows, read::process).map_err(|error| self.blame(error))
    }

    async fn forget_processes(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        Ok(self.database.write(&Forget { before, limit }).await?)
    }
}

/// What a process says of itself.
struct Note<'a>(&'a ProcessRecord);

impl Work for Note<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let again = write::told_again().iter().map(|column| format!("{column} = VALUES({column})"));
        let again = again.collect::<Vec<_>>().join(", ");
        let sql = format!("{} ON DUPLICATE KEY UPDATE {again}", *write::INSERT_PROCESS);
        query(AssertSqlSafe(sql), write::values(self.0)).execute(connection).await?;
        Ok(())
    }
}

/// Deletes those that were not seen for long.
struct Forget {
    before: DateTime<Utc>,
    limit: u32,
}

impl Work for Forget {
    type Output = u64;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<u64, sqlx::Error> {
        let sql = "DELETE FROM processes WHERE seen_at < ? ORDER BY seen_at LIMIT ?";
        let query = sqlx::query(sql).bind(datetime(self.before)).bind(self.limit);
        Ok(query.execute(connection).await?.rows_affected())
    }

    fn has_written(&self, rows: &u64) -> bool {
        *rows > 0
    }
}

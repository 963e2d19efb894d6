//! Reading the tables about coins as values.

use ports::StoreError;
use sqlx::{AssertSqlSafe, Sqlite, Transaction};
use tables::contents::Tables;
use tables::read::contents as read;
use tables::row::{Row, Unreadable};

use super::SqliteStore;
use super::columns::read_all;

impl SqliteStore {
    /// All rows about coins, as of one moment. For tests and exports: it reads the whole history into
    /// memory.
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        self.read_tables().await.map_err(|error| self.blame(error))
    }

    async fn read_tables(&self) -> Result<Tables, sqlx::Error> {
        let mut snapshot = self.database.readers().begin().await?;
        Ok(Tables {
            coins: rows(&mut snapshot, read::all_coins(), read::coin).await?,
            identities: rows(&mut snapshot, read::all_identities(), read::identity).await?,
            latest: rows(&mut snapshot, read::all_latest(), read::quote).await?,
            history: rows(&mut snapshot, read::all_history(), read::quote).await?,
        })
    }
}

async fn rows<T>(
    snapshot: &mut Transaction<'_, Sqlite>,
    sql: String,
    reader: fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<Vec<T>, sqlx::Error> {
    read_all(&sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut **snapshot).await?, reader)
}

//! Reading the tables about coins as values.

use ports::StoreError;
use sqlx::{AssertSqlSafe, Sqlite, Transaction};
use tables::coins;
use tables::contents::Tables;

use super::SqliteStore;
use super::columns::Columns;

impl SqliteStore {
    /// All rows about coins, as of one moment. For tests and exports: it reads the whole history into
    /// memory.
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        self.read_tables().await.map_err(|error| self.blame(error))
    }

    async fn read_tables(&self) -> Result<Tables, sqlx::Error> {
        let mut snapshot = self.database.readers().begin().await?;
        Ok(Tables {
            coins: rows(&mut snapshot, coins::all_coins(), |row| coins::coin(row)).await?,
            identities: rows(&mut snapshot, coins::all_identities(), |row| coins::identity(row)).await?,
            latest: rows(&mut snapshot, coins::all_latest(), |row| coins::quote(row)).await?,
            history: rows(&mut snapshot, coins::all_history(), |row| coins::quote(row)).await?,
        })
    }
}

async fn rows<T>(
    snapshot: &mut Transaction<'_, Sqlite>,
    sql: String,
    read: impl Fn(Columns<'_>) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql))
        .fetch_all(&mut **snapshot)
        .await?
        .iter()
        .map(|row| read(Columns::new(row)))
        .collect()
}

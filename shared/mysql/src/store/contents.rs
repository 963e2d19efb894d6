//! Reading the tables about coins as values.

use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::coins;
use tables::contents::Tables;

use super::MysqlStore;
use super::columns::Columns;
use crate::database::Work;

impl MysqlStore {
    /// All rows about coins, as of one moment. For tests and exports: it reads the whole history into
    /// memory.
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        Ok(self.database.snapshot(&AllTables).await?)
    }
}

struct AllTables;

impl Work for AllTables {
    type Output = Tables;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Tables, sqlx::Error> {
        Ok(Tables {
            coins: rows(connection, coins::all_coins(), |row| coins::coin(row)).await?,
            identities: rows(connection, coins::all_identities(), |row| coins::identity(row)).await?,
            latest: rows(connection, coins::all_latest(), |row| coins::quote(row)).await?,
            history: rows(connection, coins::all_history(), |row| coins::quote(row)).await?,
        })
    }
}

async fn rows<T>(
    connection: &mut MySqlConnection,
    sql: String,
    read: impl Fn(Columns<'_>) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| read(Columns::new(row)))
        .collect()
}

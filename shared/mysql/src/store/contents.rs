//! Reading the tables about coins as values.

use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::contents::Tables;
use tables::read::contents as read;
use tables::row::{Row, Unreadable};

use super::MysqlStore;
use super::columns::read_all;
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
            coins: rows(connection, read::all_coins(), read::coin).await?,
            identities: rows(connection, read::all_identities(), read::identity).await?,
            latest: rows(connection, read::all_latest(), read::quote).await?,
            history: rows(connection, read::all_history(), read::quote).await?,
        })
    }
}

async fn rows<T>(
    connection: &mut MySqlConnection,
    sql: String,
    reader: fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<Vec<T>, sqlx::Error> {
    read_all(&sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?, reader)
}

//! For tests of SQL stores: a database of coinpipe's as a user of it has it, by SQL, with a connection for each call
//! ([`Client`]); and the [`contract`] of its tables.
//!
//! It reads the tables with code of its own, so that it finds what an adapter wrote wrongly and reads back all the same.

pub mod before;
mod cell;
mod contents;
pub mod contract;
mod market;

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::MarketKind;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use testkit::contents::Contents;
use testkit::tables::{MarketEntry, Tables, Vanished};

/// Where a database is. Every call connects anew, and panics where it fails: a test cannot go on then.
#[derive(Clone)]
pub enum Client {
    /// A file.
    Sqlite(PathBuf),
    /// The URL of a database on a server.
    Mysql(String),
}

/// Shows no URL, which may hold a password.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Mysql(_) => f.debug_tuple("Mysql").finish_non_exhaustive(),
        }
    }
}

impl Client {
    /// Runs the statements of `sql`.
    ///
    /// # Panics
    /// When the database does not take them.
    pub async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(path) => {
                let mut connection = sqlite(path).await;
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
                connection.close().await.expect("closes");
            }
            Self::Mysql(url) => {
                let mut connection = mysql(url).await;
                connection.execute(AssertSqlSafe(sql)).await.expect(sql);
                connection.close().await.expect("closes");
            }
        }
    }

    /// Why the database does not take the statement `sql`; `None` when it does.
    pub async fn refusal(&self, sql: &str) -> Option<sqlx::Error> {
        match self {
            Self::Sqlite(path) => sqlite(path).await.execute(AssertSqlSafe(sql)).await.err(),
            Self::Mysql(url) => mysql(url).await.execute(AssertSqlSafe(sql)).await.err(),
        }
    }

    /// Runs `sql` in a transaction and holds what it locks, until the result is dropped. On a server only: in a file nobody
    /// waits for a row.
    ///
    /// # Panics
    /// When the database does not take it.
    pub async fn hold(&self, sql: &str) -> Held {
        let Self::Mysql(url) = self else { panic!("a file has no locks on rows") };
        let mut connection = mysql(url).await;
        connection.execute(AssertSqlSafe(format!("START TRANSACTION; {sql}"))).await.expect(sql);
        Held { _connection: connection }
    }

    /// What the query `sql` finds: of each row the values of `columns`, as texts with a space between. NULL is `NULL`, a
    /// whole double has no point, an instant is RFC 3339 with milliseconds.
    ///
    /// # Panics
    /// When the database does not take it, or finds no such columns.
    pub async fn found(&self, sql: &str, columns: &[&str]) -> Vec<String> {
        match self {
            Self::Sqlite(path) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut sqlite(path).await).await;
                let text = |row| columns.iter().map(|column| cell::sqlite(row, column)).collect::<Vec<_>>();
                rows.expect(sql).iter().map(|row| text(row).join(" ")).collect()
            }
            Self::Mysql(url) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut mysql(url).await).await;
                let text = |row| columns.iter().map(|column| cell::mysql(row, column)).collect::<Vec<_>>();
                rows.expect(sql).iter().map(|row| text(row).join(" ")).collect()
            }
        }
    }

    /// The names and types of the columns of `table`, in their order; the types in lower case, as the database calls them.
    ///
    /// # Panics
    /// When the database does not tell.
    pub async fn columns(&self, table: &str) -> Vec<(String, String)> {
        let pairs = |rows: Vec<(String, String)>| {
            rows.into_iter().map(|(name, kind)| (name, kind.to_lowercase())).collect()
        };
        match self {
            Self::Sqlite(path) => {
                let sql = "SELECT name, type FROM pragma_table_info(?) ORDER BY cid";
                let rows = sqlx::query_as(sql).bind(table).fetch_all(&mut sqlite(path).await).await;
                pairs(rows.expect("its columns"))
            }
            Self::Mysql(url) => {
                // The names are bytes of the server's own collation, which the driver would not take for text.
                let sql = "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR) FROM information_schema.columns \
                           WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position";
                let rows = sqlx::query_as(sql).bind(table).fetch_all(&mut mysql(url).await).await;
                pairs(rows.expect("its columns"))
            }
        }
    }
}

#[async_trait]
impl Contents for Client {
    /// As of one moment.
    async fn tables(&self) -> Tables {
        let has_self_reported = self.columns("coins").await.iter().any(|(name, _)| name == "platform_name");
        match self {
            Self::Sqlite(path) => contents::sqlite(&mut sqlite(path).await, has_self_reported).await,
            Self::Mysql(url) => contents::mysql(&mut mysql(url).await, has_self_reported).await,
        }
    }

    async fn market(&self, kind: MarketKind) -> Vec<MarketEntry> {
        match self {
            Self::Sqlite(path) => {
                let sql = market::rows_sql(kind, &contents::SQLITE);
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut sqlite(path).await).await;
                rows.expect("rows").iter().map(|row| market::row(kind, row)).collect()
            }
            Self::Mysql(url) => {
                let sql = market::rows_sql(kind, &contents::MYSQL);
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut mysql(url).await).await;
                rows.expect("rows").iter().map(|row| market::row(kind, row)).collect()
            }
        }
    }

    async fn vanished(&self) -> Vec<Vanished> {
        match self {
            Self::Sqlite(path) => {
                let sql = market::vanished_sql(&contents::SQLITE);
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut sqlite(path).await).await;
                rows.expect("rows").iter().map(market::vanished).collect()
            }
            Self::Mysql(url) => {
                let sql = market::vanished_sql(&contents::MYSQL);
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut mysql(url).await).await;
                rows.expect("rows").iter().map(market::vanished).collect()
            }
        }
    }

    async fn resolve(&self, fingerprint: &str) {
        let sql = format!("UPDATE alert_groups SET state = 'resolved' WHERE fingerprint = '{fingerprint}'");
        self.execute(&sql).await;
    }
}

/// A transaction that is open.
pub struct Held {
    _connection: MySqlConnection,
}

async fn sqlite(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.expect("the file opens")
}

async fn mysql(url: &str) -> MySqlConnection {
    let options: MySqlConnectOptions = url.parse().expect("a good URL");
    options.connect().await.expect("the server answers")
}

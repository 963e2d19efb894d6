//! Tables that somebody else made, read as text.

use async_trait::async_trait;
use ports::StoreError;
use ports::source::{LegacyRow, LegacyTable};
use sqlx::{AssertSqlSafe, Row};

use crate::database::Database;
use crate::error::Error;
use crate::options::Options;

/// A table or view of a database, which is only read.
#[derive(Debug)]
pub struct MysqlTable {
    database: Database,
    /// Its name as SQL.
    name: String,
    columns: Vec<String>,
    /// Those that have a time zone, of which the session's is UTC.
    instants: Vec<String>,
}

impl MysqlTable {
    /// The table `name` (`table`, or `database.table`) on the server of `options`.
    pub async fn open(options: &Options, name: &str) -> Result<Self, Error> {
        options.check_files().await?;
        let database = Database::new(options, None);
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, name),
        };
        // The names are bytes of the server's own collation, which the driver would not take for text.
        let sql = "SELECT CAST(column_name AS CHAR), data_type = 'timestamp' FROM information_schema.columns \
                   WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position";
        let rows = database.read(sqlx::query(sql).bind(schema).bind(table)).await?;
        let found = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let found = found.collect::<Result<Vec<(String, bool)>, sqlx::Error>>();
        let found = found.map_err(|error| database.blame(error))?;
        let instants =
            found.iter().filter(|(_, is_instant)| *is_instant).map(|(name, _)| name.clone()).collect();
        let columns: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
        if columns.is_empty() {
            let reason = format!("there is no table {name}, or this user may not read it");
            return Err(database.blame(Error::Misconfigured(reason)));
        }
        let name = schema.into_iter().chain([table]).map(quoted).collect::<Vec<_>>().join(".");
        Ok(Self { database, name, columns, instants })
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl LegacyTable for MysqlTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn is_in_utc(&self, column: &str) -> bool {
        self.instants.iter().any(|instant| instant == column)
    }

    async fn rows(&self, columns: &[String], most: u32) -> Result<Vec<LegacyRow>, StoreError> {
        let texts: Vec<_> =
            columns.iter().map(|column| format!("CAST({} AS CHAR)", quoted(column))).collect();
        let sql = format!("SELECT {} FROM {} LIMIT ?", texts.join(", "), self.name);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(u64::from(most) + 1);
        let rows = self.database.read(query).await?;
        if rows.len() > most as usize {
            let reason = format!(
                "{} has more than {most} rows: import it in parts, each a view of its own",
                self.name
            );
            return Err(self.database.blame(Error::Misconfigured(reason)).into());
        }
        let texts = |row: &sqlx::mysql::MySqlRow| (0..columns.len()).map(|at| row.try_get(at)).collect();
        let rows = rows.iter().map(texts).collect::<Result<_, sqlx::Error>>();
        rows.map_err(|error| self.database.blame(error).into())
    }
}

/// An identifier as SQL.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

//! Silences.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Silence, Silences, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::silences::{silence, silences};
use tables::write::silences::{END, end_values, replace, values};

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::{datetime, query};
use crate::database::Work;

#[async_trait]
impl Silences for MysqlStore {
    async fn silence(&self, silence: &Silence) -> Result<(), StoreError> {
        Ok(self.database.write(&Make(silence)).await?)
    }

    async fn unsilence(&self, fingerprint: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(self.database.write(&End { fingerprint, now }).await?)
    }

    async fn silences(&self, since: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(silences())).bind(datetime(since));
        let rows = self.database.read(query).await?;
        read_all(&rows, silence).map_err(|error| self.blame(error))
    }
}

/// A silence to make.
struct Make<'a>(&'a Silence);

impl Work for Make<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        query(AssertSqlSafe(replace()), values(self.0)).execute(connection).await?;
        Ok(())
    }
}

/// A silence to end.
struct End<'a> {
    fingerprint: &'a str,
    now: DateTime<Utc>,
}

impl Work for End<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let ended = query(END, end_values(self.fingerprint, self.now)).execute(connection).await?;
        Ok(ended.rows_affected() > 0)
    }
}

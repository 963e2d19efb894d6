//! Taking batches out of the tables on a server.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::{DropPortion, DropPosition, Dropped, Drops, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::dropping::{self, Session};
use tables::load::statements::Reader;
use tables::write::Parameter;

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::{Query, query};
use crate::database::Work;

#[async_trait]
impl Drops for MysqlStore {
    async fn mark_dropped(&self, batch: &BatchId, why: &str) -> Result<Option<Dropped>, StoreError> {
        Ok(self.database.write(&Mark { batch, why, now: self.now() }).await?)
    }

    async fn drop_portion(&self, batch: &BatchId, at: DropPosition) -> Result<DropPortion, StoreError> {
        Ok(self.database.write(&Portion { batch, at }).await?)
    }

    async fn readmit(&self, batch: &BatchId) -> Result<bool, StoreError> {
        Ok(self.database.write(&Readmit(batch)).await?)
    }

    async fn dropped(&self) -> Result<BTreeSet<BatchId>, StoreError> {
        let rows = self.database.read(sqlx::query(dropping::DROPPED)).await?;
        read_all(&rows, dropping::batch_id).map_err(|error| self.blame(error))
    }
}

struct Mark<'a> {
    batch: &'a BatchId,
    why: &'a str,
    now: DateTime<Utc>,
}

impl Work for Mark<'_> {
    type Output = Option<Dropped>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<Dropped>, sqlx::Error> {
        dropping::mark(&mut OnServer(connection), self.batch, self.why, self.now).await
    }
}

struct Portion<'a> {
    batch: &'a BatchId,
    at: DropPosition,
}

impl Work for Portion<'_> {
    type Output = DropPortion;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<DropPortion, sqlx::Error> {
        dropping::portion(&mut OnServer(connection), self.batch, self.at).await
    }
}

struct Readmit<'a>(&'a BatchId);

impl Work for Readmit<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        dropping::readmit(&mut OnServer(connection), self.0).await
    }
}

struct OnServer<'c>(&'c mut MySqlConnection);

impl Session for OnServer<'_> {
    type Error = sqlx::Error;

    const COINS_LOCK: &'static str = " FOR UPDATE";

    async fn run(&mut self, sql: String, values: Vec<Parameter<'_>>) -> Result<(), sqlx::Error> {
        prepared(sql, values).execute(&mut *self.0).await.map(drop)
    }

    async fn rows<T: Send>(
        &mut self,
        sql: String,
        values: Vec<Parameter<'_>>,
        reader: Reader<T>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let rows = prepared(sql, values).fetch_all(&mut *self.0).await?;
        read_all(&rows, reader)
    }
}

/// For once: the next portion names other coins.
fn prepared(sql: String, values: Vec<Parameter<'_>>) -> Query<'_> {
    query(AssertSqlSafe(sql), values).persistent(false)
}

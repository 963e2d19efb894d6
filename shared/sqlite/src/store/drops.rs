//! Taking batches out of the tables of a file.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::{DropPortion, DropPosition, Dropped, Drops, StoreError};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::dropping::{self, Session};
use tables::load::statements::Reader;
use tables::write::Parameter;

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::{Query, query};
use crate::database::Work;
use crate::error::Error;

#[async_trait]
impl Drops for SqliteStore {
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
        let rows = sqlx::query(dropping::DROPPED).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, dropping::batch_id)).map_err(|error| self.blame(error))
    }
}

struct Mark<'a> {
    batch: &'a BatchId,
    why: &'a str,
    now: DateTime<Utc>,
}

#[async_trait]
impl Work for Mark<'_> {
    type Output = Option<Dropped>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Dropped>, Error> {
        Ok(dropping::mark(&mut InFile(connection), self.batch, self.why, self.now).await?)
    }
}

struct Portion<'a> {
    batch: &'a BatchId,
    at: DropPosition,
}

#[async_trait]
impl Work for Portion<'_> {
    type Output = DropPortion;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<DropPortion, Error> {
        Ok(dropping::portion(&mut InFile(connection), self.batch, self.at).await?)
    }
}

struct Readmit<'a>(&'a BatchId);

#[async_trait]
impl Work for Readmit<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, Error> {
        Ok(dropping::readmit(&mut InFile(connection), self.0).await?)
    }
}

struct InFile<'c>(&'c mut SqliteConnection);

impl Session for InFile<'_> {
    type Error = sqlx::Error;

    const COINS_LOCK: &'static str = "";

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

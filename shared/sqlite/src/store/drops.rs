//! Taking batches out of the tables of a file.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::dropping::{Part, Session};
use tables::load::statements::Reader;
use tables::write::Asked;

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::{Query, query};
use crate::database::Work;
use crate::error::Error;

tables::drops_port!(SqliteStore, InTransaction);

pub(super) struct InTransaction<P>(pub(super) P);

#[async_trait]
impl<P: Part> Work for InTransaction<P> {
    type Output = P::Output;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<P::Output, Error> {
        Ok(self.0.run(&mut InFile(connection)).await?)
    }
}

struct InFile<'c>(&'c mut SqliteConnection);

impl Session for InFile<'_> {
    type Error = sqlx::Error;

    const COINS_LOCK: &'static str = "";

    async fn execute(&mut self, asked: Asked<'_>) -> Result<(), sqlx::Error> {
        for_once(asked).execute(&mut *self.0).await.map(drop)
    }

    async fn change(&mut self, asked: Asked<'_>) -> Result<u64, sqlx::Error> {
        Ok(for_once(asked).execute(&mut *self.0).await?.rows_affected())
    }

    async fn find<T: Send>(&mut self, asked: Asked<'_>, reader: Reader<T>) -> Result<Vec<T>, sqlx::Error> {
        read_all(&for_once(asked).fetch_all(&mut *self.0).await?, reader)
    }
}

/// The next portion names other coins.
fn for_once((sql, values): Asked<'_>) -> Query<'_> {
    query(AssertSqlSafe(sql), values).persistent(false)
}

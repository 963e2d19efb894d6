//! Loading rows of the kinds of the market into a SQLite file; and which maps are whole, which is looked up after each commit that may
//! have completed one.

use async_trait::async_trait;
use domain::{BatchId, MarketKind};
use ports::{Loaded, StoreError};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::market::load::MarketLoad;
use tables::market::maps;
use tables::market::statements::{MarketStatements, Sql};
use tables::market::values::{Held, held};

use super::SqliteStore;
use super::columns::read_all;
use super::ledger::{Which, records};
use super::load::InFile;
use super::parameters::query;
use crate::database::Work;
use crate::error::Error;

#[async_trait]
impl Work for MarketLoad<'_> {
    type Output = Option<Loaded>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Output, Error> {
        Ok(MarketLoad::run(self, &mut InFile(connection)).await?)
    }
}

impl MarketStatements for InFile<'_> {
    const ON_CONFLICT: &'static str = "ON CONFLICT DO UPDATE SET";

    fn incoming(column: &str) -> String {
        format!("excluded.{column}")
    }

    async fn held(&mut self, sql: Sql<'_>, kind: MarketKind) -> Result<Vec<Held>, sqlx::Error> {
        let rows = query(AssertSqlSafe(sql.text), sql.values).fetch_all(&mut *self.0).await?;
        read_all(&rows, |row| held(kind, row))
    }

    async fn run(&mut self, Sql { text, values }: Sql<'_>) -> Result<(), sqlx::Error> {
        query(AssertSqlSafe(text), values).execute(&mut *self.0).await.map(drop)
    }
}

struct Whole<'a>(&'a BatchId);

impl SqliteStore {
    /// Notes whether `batch` is whole, if it is of a map.
    pub(super) async fn note_whole(&self, batch: &BatchId) -> Result<(), StoreError> {
        if maps::is_map(batch) { Ok(self.database.write(&Whole(batch)).await?) } else { Ok(()) }
    }
}

#[async_trait]
impl Work for Whole<'_> {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let found = records(&mut *connection, Which::Named(self.0)).await?;
        let Sql { text, values } = maps::note(self.0, found.first());
        Ok(query(AssertSqlSafe(text), values).execute(connection).await.map(drop)?)
    }
}

//! Loading rows of the kinds of the market on a server; and which maps are whole, which is looked up after each commit that may have
//! completed one.

use std::collections::BTreeSet;

use domain::{BatchId, MarketKind};
use ports::{Loaded, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::market::load::MarketLoad;
use tables::market::maps;
use tables::market::statements::{MarketStatements, Sql};
use tables::market::values::{Held, held};

use super::MysqlStore;
use super::batch_numbers::Numbers;
use super::columns::read_all;
use super::ledger::Which;
use super::load::{OnServer, Outcome};
use super::parameters::query;
use crate::database::Work;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Its rows are in no history, and its number says whether it was dropped.
impl Work for MarketLoad<'_> {
    type Output = Outcome<Loaded>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Output> {
        let Some(numbers) = Numbers::locked(connection, &BTreeSet::from([self.batch()])).await? else {
            return Ok(Outcome::Unnumbered);
        };
        let mut statements = OnServer { connection, numbers: &numbers, halfway: None };
        MarketLoad::run(self, &mut statements).await.map(Outcome::Loaded)
    }

    fn has_written(&self, outcome: &Self::Output) -> bool {
        matches!(outcome, Outcome::Loaded(_))
    }
}

impl MarketStatements for OnServer<'_> {
    const ON_CONFLICT: &'static str = "ON DUPLICATE KEY UPDATE";

    fn incoming(column: &str) -> String {
        format!("VALUES({column})")
    }

    async fn run(&mut self, sql: Sql<'_>) -> Result<()> {
        query(AssertSqlSafe(sql.text), sql.values).execute(&mut *self.connection).await.map(drop)
    }

    async fn held(&mut self, sql: Sql<'_>, kind: MarketKind) -> Result<Vec<Held>> {
        let found = query(AssertSqlSafe(sql.text), sql.values).fetch_all(&mut *self.connection).await?;
        read_all(&found, |row| held(kind, row))
    }
}

impl MysqlStore {
    /// Notes whether `batch` is whole, if it is of a map.
    pub(super) async fn note_whole(&self, batch: &BatchId) -> std::result::Result<(), StoreError> {
        if maps::is_map(batch) { Ok(self.database.write(&Whole(batch)).await?) } else { Ok(()) }
    }
}

struct Whole<'a>(&'a BatchId);

impl Work for Whole<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<()> {
        // Whoever announces the batch, or looks as well, waits until this is done.
        let lock = sqlx::query("SELECT id FROM batches WHERE id = ? FOR UPDATE").bind(self.0.as_str());
        lock.fetch_optional(&mut *connection).await?;
        let found = Which::Among(std::slice::from_ref(self.0)).run(&mut *connection).await?;
        let note = maps::note(self.0, found.first());
        query(AssertSqlSafe(note.text), note.values).execute(connection).await.map(drop)
    }
}

//! Taking a batch out of the tables, as [`ports::Drops`] promises, in statements that all databases understand.

mod coins;
mod market;
mod quotes;
mod sightings;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketKind};
use ports::{DropPortion, DropPosition, Dropped, Marked};

use crate::load::statements::Reader;
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// The transaction of a portion.
pub trait Session: Send {
    /// What can go wrong.
    type Error: Send;

    /// What follows the statement that reads `coins`, so that they stay locked.
    const COINS_LOCK: &'static str;

    /// Runs a statement.
    fn execute(&mut self, asked: Asked<'_>) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What `reader` makes of the rows that a statement finds.
    fn find<T: Send>(
        &mut self,
        asked: Asked<'_>,
        reader: Reader<T>,
    ) -> impl Future<Output = Result<Vec<T>, Self::Error>> + Send;

    /// Runs `sql` with `values`.
    fn run(
        &mut self,
        sql: String,
        values: Vec<Parameter<'_>>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.execute((sql, values))
    }

    /// What `reader` makes of the rows that `sql` finds with `values`.
    fn rows<T: Send>(
        &mut self,
        sql: String,
        values: Vec<Parameter<'_>>,
        reader: Reader<T>,
    ) -> impl Future<Output = Result<Vec<T>, Self::Error>> + Send {
        self.find((sql, values), reader)
    }
}

/// A part of a drop, done in a transaction of its own.
pub trait Part: Sync {
    /// What comes of it.
    type Output: Send;

    /// Does it.
    ///
    /// # Errors
    ///
    /// The error of a statement.
    fn run<S: Session>(&self, session: &mut S)
    -> impl Future<Output = Result<Self::Output, S::Error>> + Send;
}

/// Implements [`ports::Drops`] for a store with `now()`, `found()` and a `database` whose `write()` does the work that `$work` makes
/// of a [`Part`].
#[macro_export]
macro_rules! drops_port {
    ($store:ty, $work:path) => {
        #[async_trait::async_trait]
        impl ports::Drops for $store {
            async fn mark_dropped(
                &self,
                batch: &domain::BatchId,
                why: &str,
            ) -> Result<Option<ports::Marked>, ports::StoreError> {
                let mark = $crate::dropping::Mark { batch, why, now: self.now() };
                Ok(self.database.write(&$work(mark)).await?)
            }

            async fn drop_portion(
                &self,
                batch: &domain::BatchId,
                at: ports::DropPosition,
            ) -> Result<ports::DropPortion, ports::StoreError> {
                Ok(self.database.write(&$work($crate::dropping::Portion { batch, at })).await?)
            }

            async fn readmit(&self, batch: &domain::BatchId) -> Result<bool, ports::StoreError> {
                Ok(self.database.write(&$work($crate::dropping::Readmit { batch })).await?)
            }

            async fn dropped(
                &self,
            ) -> Result<std::collections::BTreeSet<domain::BatchId>, ports::StoreError> {
                let sql = "SELECT id FROM batches WHERE dropped_at IS NOT NULL";
                let found = self.found((sql.to_owned(), Vec::new()), $crate::dropping::batch_id).await?;
                Ok(found.into_iter().collect())
            }
        }
    };
}

/// A row with the `id` of a batch.
pub fn batch_id(row: &dyn Row) -> Result<BatchId, Unreadable> {
    Ok(BatchId::from_stored(row.get::<String>("id")?))
}

/// Marks `batch` as dropped at `now`, unless it is; what is on record then. Rows of a kind of the market go with the mark.
#[derive(Debug)]
pub struct Mark<'a> {
    /// The batch.
    pub batch: &'a BatchId,
    /// Why it goes.
    pub why: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for Mark<'_> {
    type Output = Option<Marked>;

    async fn run<S: Session>(&self, session: &mut S) -> Result<Option<Marked>, S::Error> {
        let Self { batch, why, now } = *self;
        let found = on_record(session, batch).await?;
        let Some(held) = found else { return Ok(None) };
        let dropped = held.unwrap_or(Dropped { at: now, why: why.to_owned() });
        let id = batch.as_str();
        // Loaders that are within a transaction hold the number: it is marked when they are through.
        let sql = "INSERT INTO batch_numbers (batch_id) SELECT b.id FROM batches AS b \
                   WHERE b.id = ? AND NOT EXISTS (SELECT 1 FROM batch_numbers AS n WHERE n.batch_id = b.id)";
        session.run(sql.to_owned(), vec![id.into()]).await?;
        let sql = "UPDATE batch_numbers SET dropped = 1 WHERE batch_id = ?";
        session.run(sql.to_owned(), vec![id.into()]).await?;
        let sql = "UPDATE batches SET dropped_at = ?, dropped_why = ? WHERE id = ?";
        session.run(sql.to_owned(), vec![dropped.at.into(), dropped.why.clone().into(), id.into()]).await?;
        let rows = match MarketKind::of_endpoint(batch.endpoint()) {
            Some(kind) => market::take_out(session, batch, kind).await?,
            None => 0,
        };
        Ok(Some(Marked { dropped, rows }))
    }
}

/// Takes the next portion of `batch` out.
#[derive(Debug)]
pub struct Portion<'a> {
    /// The batch.
    pub batch: &'a BatchId,
    /// Where it goes on.
    pub at: DropPosition,
}

impl Part for Portion<'_> {
    type Output = DropPortion;

    async fn run<S: Session>(&self, session: &mut S) -> Result<DropPortion, S::Error> {
        let nothing = DropPortion { latest: 0, fell_back: 0, coins: 0, quotes: Vec::new(), next: None };
        let sql = "SELECT number FROM batch_numbers WHERE batch_id = ? AND dropped = 1";
        let id = vec![self.batch.as_str().into()];
        let numbers = session.rows(sql.to_owned(), id, |row| row.get("number")).await?;
        let Some(&number) = numbers.first() else { return Ok(nothing) };
        let out = Out { batch: self.batch, number };
        match self.at {
            DropPosition::Coins(after) => {
                let fetches = fetches(session, self.batch).await?;
                let shown = coins::next(session, &out, &fetches, after).await?;
                let coins::TakenOut { latest, fell_back, coins } =
                    coins::take_out(session, &out, &fetches, &shown.ids).await?;
                let next = shown.next.map_or(DropPosition::Quotes(None), DropPosition::Coins);
                Ok(DropPortion { latest, fell_back, coins, next: Some(next), ..nothing })
            }
            DropPosition::Quotes(before) => {
                let bounds = quotes::bounds(session, &out).await?;
                let (quotes, next) = quotes::take_out(session, &out, bounds, before).await?;
                Ok(DropPortion { quotes, next: next.map(|at| DropPosition::Quotes(Some(at))), ..nothing })
            }
            DropPosition::Anywhere(before) => {
                let (quotes, next) = quotes::take_out(session, &out, quotes::anywhere(), before).await?;
                Ok(DropPortion { quotes, next: next.map(|at| DropPosition::Anywhere(Some(at))), ..nothing })
            }
        }
    }
}

/// Lets `batch` in again; whether it was dropped.
#[derive(Debug)]
pub struct Readmit<'a> {
    /// The batch.
    pub batch: &'a BatchId,
}

impl Part for Readmit<'_> {
    type Output = bool;

    async fn run<S: Session>(&self, session: &mut S) -> Result<bool, S::Error> {
        if !matches!(on_record(session, self.batch).await?, Some(Some(_))) {
            return Ok(false);
        }
        for sql in [
            "UPDATE batch_numbers SET dropped = 0 WHERE batch_id = ?",
            "UPDATE batches SET dropped_at = NULL, dropped_why = NULL WHERE id = ?",
            "DELETE FROM batch_chunks WHERE batch_id = ?",
            "DELETE FROM chunk_replays WHERE batch_id = ?",
        ] {
            session.run(sql.to_owned(), vec![self.batch.as_str().into()]).await?;
        }
        Ok(true)
    }
}

/// The batch that goes.
struct Out<'a> {
    batch: &'a BatchId,
    /// What stands for it in the history.
    number: u32,
}

/// Whether there is such a batch in the ledger, and whether it is dropped.
async fn on_record<S: Session>(
    session: &mut S,
    batch: &BatchId,
) -> Result<Option<Option<Dropped>>, S::Error> {
    let sql = "SELECT dropped_at, dropped_why FROM batches WHERE id = ?";
    let found = session.rows(sql.to_owned(), vec![batch.as_str().into()], |row| {
        let (at, why): (Option<_>, Option<_>) = (row.nullable("dropped_at")?, row.nullable("dropped_why")?);
        Ok(at.map(|at| Dropped { at, why: why.unwrap_or_default() }))
    });
    Ok(found.await?.pop())
}

/// When the pages of `batch` were fetched: by these instants `coins` and `coin_identities` know it.
async fn fetches<S: Session>(session: &mut S, batch: &BatchId) -> Result<BTreeSet<DateTime<Utc>>, S::Error> {
    let sql = "SELECT fetched_at FROM batch_chunks WHERE batch_id = ? AND fetched_at IS NOT NULL \
               UNION SELECT fetched_at FROM quotes_latest WHERE batch_id = ? \
               UNION SELECT fetched_at FROM batches WHERE id = ? AND fetched_at IS NOT NULL";
    let id = || batch.as_str().into();
    let found = session.rows(sql.to_owned(), vec![id(), id(), id()], |row| row.get("fetched_at")).await?;
    Ok(found.into_iter().collect())
}

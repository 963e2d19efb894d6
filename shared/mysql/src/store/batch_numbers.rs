//! The numbers that stand for batches in the history, and whether a batch was dropped.
//!
//! A number is made before the transaction that needs it, by itself: no loader waits for what another one has not committed yet,
//! and a number without quotes harms nobody. They are looked up in each transaction, by one statement, and not remembered: the
//! database may be another one since, restored from a backup that does not have them. Loaders lock them as readers do, so that a
//! batch is dropped before or after a transaction, and never within.

use std::collections::{BTreeSet, HashMap};

use domain::BatchId;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::load::BatchNumber;

use super::columns::read_all;
use super::parameters::Query;
use crate::database::{Database, Work};
use crate::error::Error;

/// The numbers of some batches.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<String, BatchNumber>);

impl Numbers {
    /// Those of `batches`, of which there is at least one, locked; `None` when one has none.
    pub(super) async fn locked(
        connection: &mut MySqlConnection,
        batches: &BTreeSet<&BatchId>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let rows = select(batches).fetch_all(connection).await?;
        let rows: Vec<_> = read_all(&rows, |row| {
            let number = BatchNumber { number: row.get("number")?, is_dropped: row.get("dropped")? };
            Ok((row.get("batch_id")?, number))
        })?;
        let numbers = Self(rows.into_iter().collect());
        Ok(batches.iter().all(|batch| numbers.of(batch).is_ok()).then_some(numbers))
    }

    /// That of `batch`, which must be among them.
    pub(super) fn of(&self, batch: &BatchId) -> Result<BatchNumber, sqlx::Error> {
        self.0.get(batch.as_str()).copied().ok_or(sqlx::Error::RowNotFound)
    }
}

/// Makes numbers for those of `batches` that have none.
pub(super) async fn make(database: &Database, batches: &BTreeSet<&BatchId>) -> Result<(), Error> {
    database.write(&Make(batches)).await
}

struct Make<'a>(&'a BTreeSet<&'a BatchId>);

impl Work for Make<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        for batch in self.0 {
            // Another loader may have made it meanwhile.
            let known = "SELECT 1 FROM batch_numbers WHERE batch_id = ?";
            if sqlx::query(known).bind(batch.as_str()).fetch_optional(&mut *connection).await?.is_none() {
                let sql =
                    "INSERT INTO batch_numbers (batch_id) VALUES (?) ON DUPLICATE KEY UPDATE number = number";
                sqlx::query(sql).bind(batch.as_str()).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// Reads and locks the numbers of `batches`, in their order. Few shapes, for prepared statements are kept.
fn select<'q>(batches: &BTreeSet<&'q BatchId>) -> Query<'q> {
    let places = batches.len().next_power_of_two();
    let sql = format!(
        "SELECT batch_id, number, dropped FROM batch_numbers WHERE batch_id IN ({}) ORDER BY batch_id LOCK IN SHARE MODE",
        vec!["?"; places].join(", ")
    );
    let filled = batches.iter().chain(batches.iter().cycle()).take(places);
    filled.fold(sqlx::query(AssertSqlSafe(sql)), |query, batch| query.bind(batch.as_str()))
}

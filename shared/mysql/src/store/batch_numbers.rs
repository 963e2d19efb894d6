//! The numbers that stand for batches in the history.
//!
//! A number is made before the transaction that needs it, by itself: no loader waits for what another one has not committed yet,
//! and a number without quotes harms nobody. They are looked up for each transaction, by one statement, and not remembered: the
//! database may be another one since, restored from a backup that does not have them.

use std::collections::{BTreeSet, HashMap};

use domain::BatchId;
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::columns::read_all;
use super::parameters::Query;
use crate::database::{Database, Work};
use crate::error::Error;

/// The numbers of some batches.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<String, u32>);

impl Numbers {
    /// Those of `batches`; made where there are none.
    pub(super) async fn of_all(database: &Database, batches: BTreeSet<&BatchId>) -> Result<Self, Error> {
        let batches: Vec<_> = batches.into_iter().collect();
        let mut numbers = Self::default();
        let found = database.read(select(&batches)).await?;
        numbers.add(&found).map_err(|error| database.blame(error))?;
        let new: Vec<_> = batches.into_iter().filter(|batch| numbers.of(batch).is_err()).collect();
        if !new.is_empty() {
            let made = database.write(&Make(&new)).await?;
            numbers.add(&made).map_err(|error| database.blame(error))?;
        }
        Ok(numbers)
    }

    /// That of `batch`, which must be among them.
    pub(super) fn of(&self, batch: &BatchId) -> Result<u32, sqlx::Error> {
        self.0.get(batch.as_str()).copied().ok_or(sqlx::Error::RowNotFound)
    }

    fn add(&mut self, rows: &[MySqlRow]) -> Result<(), sqlx::Error> {
        let rows: Vec<_> = read_all(rows, |row| Ok((row.get("batch_id")?, row.get("number")?)))?;
        self.0.extend(rows);
        Ok(())
    }
}

/// Makes numbers for batches. Another loader may have made them meanwhile.
struct Make<'a>(&'a [&'a BatchId]);

impl Work for Make<'_> {
    type Output = Vec<MySqlRow>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Vec<MySqlRow>, sqlx::Error> {
        for batch in self.0 {
            let sql =
                "INSERT INTO batch_numbers (batch_id) VALUES (?) ON DUPLICATE KEY UPDATE number = number";
            sqlx::query(sql).bind(batch.as_str()).execute(&mut *connection).await?;
        }
        select(self.0).fetch_all(connection).await
    }
}

/// Reads the numbers of `batches`, of which there is at least one. Few shapes, for prepared statements are kept.
fn select<'q>(batches: &[&'q BatchId]) -> Query<'q> {
    let places = batches.len().next_power_of_two();
    let sql = format!(
        "SELECT batch_id, number FROM batch_numbers WHERE batch_id IN ({})",
        vec!["?"; places].join(", ")
    );
    let filled = batches.iter().chain(batches.iter().cycle()).take(places);
    filled.fold(sqlx::query(AssertSqlSafe(sql)), |query, batch| query.bind(batch.as_str()))
}

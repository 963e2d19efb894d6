//! Which maps are whole, which is looked up after each commit that may have completed one.

use async_trait::async_trait;
use domain::BatchId;
use ports::StoreError;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::market::maps;

use super::SqliteStore;
use super::ledger::{Which, records};
use super::parameters::query;
use crate::database::Work;
use crate::error::Error;

impl SqliteStore {
    /// Notes whether `batch` is whole, if it is of a map.
    pub(super) async fn note_whole(&self, batch: &BatchId) -> Result<(), StoreError> {
        if maps::is_map(batch) { Ok(self.database.write(&Whole(batch)).await?) } else { Ok(()) }
    }
}

struct Whole<'a>(&'a BatchId);

#[async_trait]
impl Work for Whole<'_> {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let found = records(connection, Which::Named(self.0)).await?;
        match found.first().filter(|record| maps::is_whole(record)) {
            Some(whole) => {
                let sql = format!("{} ON CONFLICT DO NOTHING", maps::LIST);
                query(AssertSqlSafe(sql), maps::listed(whole)).execute(connection).await?;
            }
            None => {
                sqlx::query(maps::UNLIST).bind(self.0.as_str()).execute(connection).await?;
            }
        }
        Ok(())
    }
}

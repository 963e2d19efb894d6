//! Which maps are whole, which is looked up after each commit that may have completed one.

use domain::BatchId;
use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::market::maps;

use super::MysqlStore;
use super::ledger::Which;
use super::parameters::query;
use crate::database::Work;

impl MysqlStore {
    /// Notes whether `batch` is whole, if it is of a map.
    pub(super) async fn note_whole(&self, batch: &BatchId) -> Result<(), StoreError> {
        if maps::is_map(batch) { Ok(self.database.write(&Whole(batch)).await?) } else { Ok(()) }
    }
}

struct Whole<'a>(&'a BatchId);

impl Work for Whole<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        // Whoever announces the batch, or looks as well, waits until this is done.
        let lock = sqlx::query("SELECT id FROM batches WHERE id = ? FOR UPDATE").bind(self.0.as_str());
        lock.fetch_optional(&mut *connection).await?;
        let found = Which::Among(std::slice::from_ref(self.0)).run(&mut *connection).await?;
        match found.first().filter(|record| maps::is_whole(record)) {
            Some(whole) => {
                let sql = format!("{} ON DUPLICATE KEY UPDATE batch_id = batch_id", maps::LIST);
                query(AssertSqlSafe(sql), maps::listed(whole)).execute(connection).await?;
            }
            None => {
                sqlx::query(maps::UNLIST).bind(self.0.as_str()).execute(connection).await?;
            }
        }
        Ok(())
    }
}

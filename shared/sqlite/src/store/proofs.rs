//! What a file holds, without the numbers.

use ports::StoreError;
use sqlx::AssertSqlSafe;
use tables::load::statements::Reader;
use tables::write::Asked;

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::query;

tables::proofs_port!(SqliteStore);

impl SqliteStore {
    /// What `reader` makes of the rows that a statement finds.
    pub(super) async fn found<T>(
        &self,
        (sql, values): Asked<'_>,
        reader: Reader<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = query(AssertSqlSafe(sql), values).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, reader)).map_err(|error| self.blame(error))
    }
}

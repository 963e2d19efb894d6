//! What the database holds, without the numbers.

use ports::StoreError;
use sqlx::AssertSqlSafe;
use tables::load::statements::Reader;
use tables::write::Asked;

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::query;

tables::proofs_port!(MysqlStore);

impl MysqlStore {
    /// What `reader` makes of the rows that a statement finds.
    pub(super) async fn found<T>(
        &self,
        (sql, values): Asked<'_>,
        reader: Reader<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.database.read(query(AssertSqlSafe(sql), values)).await?;
        read_all(&rows, reader).map_err(|error| self.blame(error))
    }
}

//! Looking at the quotes in a file.

use ports::StoreError;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::browse::{Dialect, Look, View};
use tables::load::statements::Reader;
use tables::write::Asked;

use super::SqliteStore;
use super::columns::read_all;
use super::parameters::query;

/// `LOWER` knows ASCII alone.
pub(super) const DIALECT: Dialect = Dialect {
    join: "CROSS JOIN",
    by_coin: "",
    part: "(unixepoch(last_updated) - unixepoch(?)) / ?",
    lowers_all: false,
};

tables::browse_port!(SqliteStore, DIALECT);

impl SqliteStore {
    /// What `reader` makes of the rows that a statement finds.
    async fn seen<T>(&self, (sql, values): Asked<'_>, reader: Reader<T>) -> Result<Vec<T>, StoreError> {
        let rows = query(AssertSqlSafe(sql), values).fetch_all(self.database.viewers()).await;
        rows.and_then(|rows| read_all(&rows, reader)).map_err(|error| self.blame(error))
    }

    /// What `view` finds out, as of one moment.
    async fn view<V: View>(&self, view: V) -> Result<V::Output, StoreError> {
        let read = async {
            let mut snapshot = self.database.viewers().begin().await?;
            view.read(&mut Reading(&mut snapshot)).await
        };
        read.await.map_err(|error| self.blame(error))
    }
}

/// Looks over a connection.
pub(super) struct Reading<'c>(pub(super) &'c mut SqliteConnection);

impl Look for Reading<'_> {
    type Error = sqlx::Error;

    async fn find<T: Send>(
        &mut self,
        (sql, values): Asked<'_>,
        reader: Reader<T>,
    ) -> Result<Vec<T>, sqlx::Error> {
        read_all(&query(AssertSqlSafe(sql), values).fetch_all(&mut *self.0).await?, reader)
    }
}

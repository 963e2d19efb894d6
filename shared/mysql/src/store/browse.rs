//! Looking at the quotes on a server.

use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::browse::{Dialect, Look, View};
use tables::load::statements::Reader;
use tables::write::Asked;

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::query;
use crate::database::Work;

/// For a span of a few hours, a server would read the quotes of all coins.
pub(super) const DIALECT: Dialect = Dialect {
    join: "STRAIGHT_JOIN",
    by_coin: " FORCE INDEX (history_by_coin)",
    part: "TIMESTAMPDIFF(SECOND, ?, last_updated) DIV ?",
    lowers_all: true,
};

tables::browse_port!(MysqlStore, DIALECT);

impl MysqlStore {
    /// What `reader` makes of the rows that a statement finds.
    async fn seen<T>(&self, asked: Asked<'_>, reader: Reader<T>) -> Result<Vec<T>, StoreError> {
        self.found(asked, reader).await
    }

    /// What `view` finds out, as of one moment.
    async fn view<V: View>(&self, view: V) -> Result<V::Output, StoreError> {
        Ok(self.database.snapshot(&AtOneMoment(view)).await?)
    }
}

/// A view of what stands in the tables at one moment.
pub(super) struct AtOneMoment<V>(pub(super) V);

impl<V: View> Work for AtOneMoment<V> {
    type Output = V::Output;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<V::Output, sqlx::Error> {
        self.0.read(&mut Reading(connection)).await
    }
}

struct Reading<'c>(&'c mut MySqlConnection);

/// Statements stay prepared: closing one has no answer, which on TCP makes the next one wait 40 ms for an acknowledgement.
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

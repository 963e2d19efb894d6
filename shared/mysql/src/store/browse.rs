//! Looking at the quotes on a server.

use ports::StoreError;
use tables::browse::Dialect;
use tables::dropping::Part;

use super::MysqlStore;
use super::drops::InTransaction;

/// For a span of a few hours, a server would read the quotes of all coins.
pub(super) const DIALECT: Dialect = Dialect {
    join: "STRAIGHT_JOIN",
    by_coin: " FORCE INDEX (history_by_coin)",
    seconds: "TIMESTAMPDIFF(SECOND, '1970-01-01', last_updated)",
    div: "DIV",
    lowers_all: true,
};

tables::browse_port!(MysqlStore, DIALECT);

impl MysqlStore {
    /// What `part`, which only reads, finds, as of one moment.
    async fn at_one_moment<P: Part>(&self, part: P) -> Result<P::Output, StoreError> {
        Ok(self.database.snapshot(&InTransaction(part)).await?)
    }
}

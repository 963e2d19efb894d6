//! Looking at the quotes in a file.

use ports::StoreError;
use tables::browse::Dialect;
use tables::dropping::Part;

use super::SqliteStore;
use super::drops::InFile;

/// `LOWER` knows ASCII alone.
pub(super) const DIALECT: Dialect = Dialect {
    join: "CROSS JOIN",
    by_coin: "",
    seconds: "unixepoch(last_updated)",
    div: "/",
    lowers_all: false,
};

tables::browse_port!(SqliteStore, DIALECT);

impl SqliteStore {
    /// What `part`, which only reads, finds, as of one moment.
    async fn at_one_moment<P: Part>(&self, part: P) -> Result<P::Output, StoreError> {
        let find = async {
            let mut snapshot = self.database.readers().begin().await?;
            part.run(&mut InFile(&mut snapshot)).await
        };
        find.await.map_err(|error| self.blame(error))
    }
}

//! Whether a store holds real or simulated data: the first transaction that writes decides.

use ports::DataKinds;
use sqlx::{SqliteConnection, SqlitePool};
use tables::read::ledger::{DATA_KINDS, HAS_KIND, data_kinds as read_data_kinds};

use super::columns::read;

/// Whether data of this kind may be written, within the caller's write transaction. In an empty store it decides.
pub(super) async fn admit(connection: &mut SqliteConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    let held: Option<Option<bool>> =
        sqlx::query_scalar("SELECT simulated FROM data_origin").fetch_optional(&mut *connection).await?;
    if let Some(held) = held {
        return Ok(held == Some(simulated));
    }
    // A loader of an older version, which does not know the table, may have been here.
    if sqlx::query_scalar(HAS_KIND).bind(!simulated).fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO data_origin (id, simulated) VALUES (1, ?)";
    sqlx::query(sql).bind(simulated).execute(connection).await?;
    Ok(true)
}

/// Which kinds of data the store holds.
pub(super) async fn data_kinds(readers: &SqlitePool) -> Result<DataKinds, sqlx::Error> {
    read(&sqlx::query(DATA_KINDS).fetch_one(readers).await?, read_data_kinds)
}

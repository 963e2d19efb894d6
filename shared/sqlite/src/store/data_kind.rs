//! Whether a store holds real or simulated data: the first transaction that writes decides.

use ports::DataKinds;
use sqlx::{SqliteConnection, SqlitePool};
use tables::read::ledger::{DATA_KINDS, HAS_KIND, data_kinds as read_data_kinds};

use super::columns::read;

/// Whether data of this kind may be written, within the caller's write transaction. In an empty store it decides.
pub(super) async fn admit(connection: &mut SqliteConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    let held = held(connection).await?;
    if held.is_some() || has_other(connection, simulated).await? {
        return Ok(held == Some(Some(simulated)));
    }
    let sql = "INSERT INTO data_origin (id, simulated) VALUES (1, ?)";
    sqlx::query(sql).bind(simulated).execute(connection).await?;
    Ok(true)
}

/// Whether the store holds this kind of data, or none. Decides nothing.
pub(super) async fn allows(connection: &mut SqliteConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    match held(connection).await? {
        Some(held) => Ok(held == Some(simulated)),
        None => Ok(!has_other(connection, simulated).await?),
    }
}

async fn held(connection: &mut SqliteConnection) -> Result<Option<Option<bool>>, sqlx::Error> {
    sqlx::query_scalar("SELECT simulated FROM data_origin").fetch_optional(connection).await
}

/// A loader of an older version, which does not know the table, may have been here.
async fn has_other(connection: &mut SqliteConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(HAS_KIND).bind(!simulated).fetch_one(connection).await
}

/// Which kinds of data the store holds.
pub(super) async fn data_kinds(readers: &SqlitePool) -> Result<DataKinds, sqlx::Error> {
    read(&sqlx::query(DATA_KINDS).fetch_one(readers).await?, read_data_kinds)
}

//! Whether a store holds real or simulated data: the first transaction that writes decides.

use sqlx::mysql::MySqlConnection;
use tables::read::ledger::HAS_KIND;

/// Whether data of this kind may be written, within the caller's transaction. In an empty store it decides, and a
/// transaction that comes meanwhile waits for the end of the caller's. Later ones read a row that nobody changes.
pub(super) async fn admit(connection: &mut MySqlConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    if let Some(held) = held(connection).await? {
        return Ok(held == Some(simulated));
    }
    if has_other(connection, simulated).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO data_origin (id, simulated) VALUES (1, ?) ON DUPLICATE KEY UPDATE id = id";
    sqlx::query(sql).bind(simulated).execute(&mut *connection).await?;
    // The row is of another transaction, if that was first.
    Ok(held(connection).await? == Some(Some(simulated)))
}

/// Whether the store holds this kind of data, or none. Decides nothing.
pub(super) async fn allows(connection: &mut MySqlConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    match held(connection).await? {
        Some(held) => Ok(held == Some(simulated)),
        None => Ok(!has_other(connection, simulated).await?),
    }
}

/// A loader of an older version, which does not know the table, may have been here.
async fn has_other(connection: &mut MySqlConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(HAS_KIND).bind(!simulated).fetch_one(connection).await
}

async fn held(connection: &mut MySqlConnection) -> Result<Option<Option<bool>>, sqlx::Error> {
    sqlx::query_scalar("SELECT simulated FROM data_origin WHERE id = 1").fetch_optional(connection).await
}

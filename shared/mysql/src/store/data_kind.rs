//! Whether a store holds real or simulated data: the first transaction that writes decides.

use sqlx::mysql::MySqlConnection;
use tables::read::ledger::HAS_KIND;

/// Whether data of this kind may be written, within the caller's transaction. In an empty store it decides, and a
/// transaction that comes meanwhile waits for the end of the caller's. Later ones read a row that nobody changes.
pub(super) async fn admit(connection: &mut MySqlConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    if let Some(held) = held(connection).await? {
        return Ok(held == Some(simulated));
    }
    // A loader of an older version, which does not know the table, may have been here.
    if sqlx::query_scalar(HAS_KIND).bind(!simulated).fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO data_origin (id, simulated) VALUES (1, ?) ON DUPLICATE KEY UPDATE id = id";
    sqlx::query(sql).bind(simulated).execute(&mut *connection).await?;
    // The row is of another transaction, if that was first.
    Ok(held(connection).await? == Some(Some(simulated)))
}

async fn held(connection: &mut MySqlConnection) -> Result<Option<Option<bool>>, sqlx::Error> {
    sqlx::query_scalar("SELECT simulated FROM data_origin WHERE id = 1").fetch_optional(connection).await
}

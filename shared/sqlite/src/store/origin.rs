//! Whether the data is real or made up: the first transaction that writes decides for all.

use ports::DataKinds;
use sqlx::{SqliteConnection, SqlitePool};
use tables::read::ledger::{HAS_KIND, ORIGINS, origins as read_origins};

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

/// Which kinds there are.
pub(super) async fn origins(readers: &SqlitePool) -> Result<DataKinds, sqlx::Error> {
    read(&sqlx::query(ORIGINS).fetch_one(readers).await?, read_origins)
}

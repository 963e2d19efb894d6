//! Whether the data is real or made up: the first transaction that writes decides for all.

use ports::DataOrigins;
use sqlx::{SqliteConnection, SqlitePool};

/// Whether data of this kind may be written, within the caller's write transaction. In an empty store it decides.
pub(super) async fn admit(connection: &mut SqliteConnection, simulated: bool) -> Result<bool, sqlx::Error> {
    let held: Option<Option<bool>> =
        sqlx::query_scalar("SELECT simulated FROM data_origin").fetch_optional(&mut *connection).await?;
    if let Some(held) = held {
        return Ok(held == Some(simulated));
    }
    // A loader of an older version, which does not know the table, may have been here.
    let sql = "SELECT EXISTS (SELECT 1 FROM batches WHERE simulated = ?)";
    if sqlx::query_scalar(sql).bind(!simulated).fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO data_origin (id, simulated) VALUES (1, ?)";
    sqlx::query(sql).bind(simulated).execute(connection).await?;
    Ok(true)
}

/// Which kinds there are.
pub(super) async fn origins(readers: &SqlitePool) -> Result<DataOrigins, sqlx::Error> {
    let (simulated, real) = sqlx::query_as(ORIGINS).fetch_one(readers).await?;
    Ok(DataOrigins { simulated, real })
}

pub(super) const ORIGINS: &str = "SELECT EXISTS (SELECT 1 FROM batches WHERE simulated = 1), \
                                         EXISTS (SELECT 1 FROM batches WHERE simulated = 0)";

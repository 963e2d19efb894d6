//! Bringing a database's schema up to date.
//!
//! Servers commit each change of a table at once, so a crash can leave a step half done. Its row then says
//! that it did not succeed, and it is applied again: its statements must be repeatable
//! (`IF NOT EXISTS`, `OR REPLACE`). Rows are copied in portions, each in a transaction of its own ([`Way::InPortions`]).

use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqlSafeStr};
use tables::schema::{Schema, Way};

use super::{Database, session};
use crate::error::{Error, is_denied, is_missing_table};

/// How long to wait for another process that is at it.
const LOCK_SECONDS: u32 = 20;

/// How long all steps may take, on tables of any size. A connection that nobody hears any more must end, too.
const LONGEST: Duration = Duration::from_hours(1);

/// Applies what is missing. A user without the right to change tables needs none when nothing is.
/// Processes that start at once wait for each other here.
pub(super) async fn migrate(database: &Database, schema: &Schema) -> Result<(), Error> {
    let steps = steps(schema);
    let mut lease = database.in_time(database.lease()).await?;
    let applied = database.in_time(applied(lease.connection(), schema)).await?;
    if is_current(&applied, &steps)? {
        lease.give_back();
        return Ok(());
    }
    let migrating = migrate_alone(lease.connection(), schema, steps);
    let outcome = tokio::time::timeout(LONGEST, migrating).await.unwrap_or_else(|_elapsed| {
        Err(Error::Unavailable(format!("the schema was not up to date after {LONGEST:?}")))
    });
    // With the connection ends its patience, and its lock.
    lease.close().await;
    outcome
}

/// The steps that were not applied yet, or not to their end.
pub(super) async fn pending(database: &Database, schema: &Schema) -> Result<Vec<String>, Error> {
    let mut lease = database.in_time(database.lease()).await?;
    let applied = database.in_time(applied(lease.connection(), schema)).await?;
    let present = database.in_time(present(lease.connection())).await?;
    lease.give_back();
    refuse_strangers(schema, &present, &applied)?;
    is_current(&applied, &steps(schema))?;
    let is_done = |version| applied.iter().any(|row| row.success && row.version == version);
    let pending = schema.migrations.iter().filter(|step| !is_done(step.version));
    Ok(pending.map(|step| step.description.to_owned()).collect())
}

async fn migrate_alone(
    connection: &mut MySqlConnection,
    schema: &Schema,
    steps: Vec<Migration>,
) -> Result<(), Error> {
    connection.execute(session::PATIENT).await?;
    // Its own lock: sqlx's is none on MariaDB, which knows no endless wait. Names are the server's, not the
    // database's, and at most 64 characters long. (MySQL 9.7 has no SHA1 any more.)
    let lock = "SELECT GET_LOCK(CONCAT('coinpipe ', LEFT(SHA2(DATABASE(), 256), 40)), ?)";
    let locked: Option<i64> = sqlx::query_scalar(lock).bind(LOCK_SECONDS).fetch_one(&mut *connection).await?;
    if locked != Some(1) {
        return Err(Error::Unavailable("another process is changing the schema".to_owned()));
    }
    let applied = applied(connection, schema).await?;
    if is_current(&applied, &steps)? {
        return Ok(());
    }
    refuse_strangers(schema, &present(connection).await?, &applied)?;
    let (found, needed) = (applied.iter().filter(|row| row.success).count(), steps.len());
    apply(connection, schema, &applied, &steps).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_denied(&error) => {
            Error::Misconfigured(format!(
                "the schema is at step {found} of {needed}, and this user may not change it ({error}); run \
                 `coinpipe migrate` as a user with the rights CREATE, ALTER, DROP, INDEX, CREATE VIEW, SELECT, \
                 INSERT, UPDATE and DELETE on the database"
            ))
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        error => Error::Misconfigured(format!("the schema is not coinpipe's: {error}")),
    })?;
    tracing::info!(from = found, to = needed, "the schema is up to date");
    Ok(())
}

/// A step's row is there before it makes anything, and until it is done: what it left half done is known for ours.
async fn apply(
    connection: &mut MySqlConnection,
    schema: &Schema,
    applied: &[Applied],
    steps: &[Migration],
) -> Result<(), MigrateError> {
    connection.ensure_migrations_table(schema.table).await?;
    for (step, of_schema) in steps.iter().zip(schema.migrations) {
        let begun = applied.iter().find(|row| row.version == step.version);
        if begun.is_some_and(|row| row.success) {
            continue;
        }
        if of_schema.way == Way::InPortions {
            in_portions(connection, step).await?;
        }
        if begun.is_none() {
            connection.apply(schema.table, step).await?;
            continue;
        }
        let failed = |error| MigrateError::ExecuteMigration(error, step.version);
        connection.execute(step.sql.clone()).await.map_err(failed)?;
        let done = format!("UPDATE {} SET success = TRUE, checksum = ? WHERE version = ?", schema.table);
        let done = sqlx::query(AssertSqlSafe(done)).bind(&*step.checksum).bind(step.version);
        done.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Runs the statements of `step` until nothing is left for them.
async fn in_portions(connection: &mut MySqlConnection, step: &Migration) -> Result<(), MigrateError> {
    loop {
        let mut transaction = connection.begin().await?;
        let portion = sqlx::raw_sql(step.sql.clone()).fetch_all(&mut *transaction).await;
        let portion = portion.map_err(|error| MigrateError::ExecuteMigration(error, step.version))?;
        transaction.commit().await?;
        let Some(row) = portion.first() else { return Ok(()) };
        let progress: String = row.try_get(0)?;
        tracing::info!(target: "converting", "{}: {progress}", step.description);
    }
}

/// The tables and views of the database.
async fn present(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
    // The servers do not agree on the type of a name.
    let sql =
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE()";
    sqlx::query_scalar(sql).fetch_all(connection).await
}

/// Fails when a table or view of somebody else's has a name that a step not begun yet would use.
fn refuse_strangers(schema: &Schema, present: &[String], applied: &[Applied]) -> Result<(), Error> {
    let begun = applied.iter().map(|row| row.version).max().unwrap_or(0);
    schema.stranger(present, begun).map_or(Ok(()), |why| Err(Error::Misconfigured(why)))
}

fn steps(schema: &Schema) -> Vec<Migration> {
    let steps = schema.migrations.iter().map(|step| {
        let sql = step.sql.into_sql_str();
        let kind = MigrationType::Simple;
        Migration::new(step.version, step.description.into(), kind, sql, false)
    });
    steps.collect()
}

/// A row of the table.
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

async fn applied(connection: &mut MySqlConnection, schema: &Schema) -> Result<Vec<Applied>, sqlx::Error> {
    let sql = format!("SELECT version, success, checksum FROM {} ORDER BY version", schema.table);
    let rows = match sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await {
        Err(error) if is_missing_table(&error) => return Ok(Vec::new()),
        rows => rows?,
    };
    Ok(rows.into_iter().map(|(version, success, checksum)| Applied { version, success, checksum }).collect())
}

/// Whether nothing is to do; an error when the schema is not one that this program can use.
fn is_current(applied: &[Applied], steps: &[Migration]) -> Result<bool, Error> {
    let known = steps.last().map_or(0, |step| step.version);
    for row in applied {
        let Some(step) = steps.iter().find(|step| step.version == row.version) else {
            return Err(Error::Misconfigured(format!(
                "was written by a newer coinpipe (schema {}, this one knows {known}); run the newer one, or name \
                 another database",
                row.version
            )));
        };
        if row.success && row.checksum != *step.checksum {
            return Err(Error::Misconfigured(format!(
                "the schema is not coinpipe's: step {} is another one; name another database",
                row.version
            )));
        }
    }
    let done = |step: &Migration| applied.iter().any(|row| row.success && row.version == step.version);
    Ok(steps.iter().all(done))
}

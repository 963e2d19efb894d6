//! Bringing a file's schema up to date.

use sqlx::migrate::{MigrateError, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row, SqlSafeStr};
use tables::schema::{Migration, Schema, Way};

use super::Database;
use crate::error::Error;

impl Database {
    /// Applies what is missing of `schema`: all of it or nothing, but that rows are copied in portions, each in a transaction of
    /// its own ([`Way::InPortions`]). Processes that start at once wait for each other here, or copy in turns.
    pub(crate) async fn migrate(&self, schema: &Schema) -> Result<(), Error> {
        let migrations = schema.migrations.iter().map(|step| {
            let sql = step.sql.into_sql_str();
            let kind = MigrationType::Simple;
            sqlx::migrate::Migration::new(step.version, step.description.into(), kind, sql, false)
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        // "Dangerous" is to change the name later.
        migrator.dangerous_set_table_name(schema.table);
        loop {
            let mut transaction = self.begin().await?;
            let portion = apply(schema, &migrator, &mut transaction).await;
            let progress = portion.map_err(|error| error.in_file(self.path()))?;
            self.commit(transaction).await?;
            let Some(progress) = progress else { return Ok(()) };
            tracing::info!(target: "converting", "{progress}");
        }
    }
}

/// Applies the next portion; how far it is, when it is not the last.
async fn apply(
    schema: &Schema,
    migrator: &Migrator,
    connection: &mut SqliteConnection,
) -> Result<Option<String>, Error> {
    let applied = applied(schema, connection).await?;
    refuse_strangers(schema, connection, &applied).await?;
    let is_next = |step: &&Migration| step.way == Way::InPortions && !applied.contains(&step.version);
    for step in schema.migrations.iter().filter(is_next) {
        let before = migrator.run_direct(Some(step.version - 1), &mut *connection, false).await;
        before.map_err(|error| explain(error, schema))?;
        let portion = sqlx::raw_sql(step.sql).fetch_all(&mut *connection).await?;
        if let Some(row) = portion.first() {
            return Ok(Some(format!("{}: {}", step.description, row.try_get::<String, _>(0)?)));
        }
    }
    let rest = migrator.run_direct(None, connection, false).await;
    rest.map_err(|error| explain(error, schema))?;
    Ok(None)
}

/// The numbers of the steps that were applied, in their order.
pub(super) async fn applied(schema: &Schema, connection: &mut SqliteConnection) -> Result<Vec<i64>, Error> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)";
    if !sqlx::query_scalar(is_there).bind(schema.table).fetch_one(&mut *connection).await? {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT version FROM {} WHERE success ORDER BY version", schema.table);
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Fails when a table or view of somebody else's has a name that a step not `applied` yet would use.
pub(super) async fn refuse_strangers(
    schema: &Schema,
    connection: &mut SqliteConnection,
    applied: &[i64],
) -> Result<(), Error> {
    let present = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')";
    let present: Vec<String> = sqlx::query_scalar(present).fetch_all(connection).await?;
    let begun = applied.last().copied().unwrap_or(0);
    schema.stranger(&present, begun).map_or(Ok(()), |why| Err(Error::Misconfigured(why)))
}

/// The schema is at `found`, and this program knows `known`.
pub(super) fn newer(found: i64, known: i64) -> Error {
    Error::Misconfigured(format!(
        "was written by a newer coinpipe (schema {found}, this one knows {known}); run the newer one, \
         or name another file"
    ))
}

fn explain(error: MigrateError, schema: &Schema) -> Error {
    let known = schema.newest();
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(version) if version > known => newer(version, known),
        error => Error::Misconfigured(format!("its schema is not coinpipe's: {error}")),
    }
}

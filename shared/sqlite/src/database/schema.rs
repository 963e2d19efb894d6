//! Bringing a file's schema up to date.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use tables::schema::Schema;

use super::Database;
use crate::error::Error;

impl Database {
    /// Applies what is missing of `schema`: all of it or nothing. Processes that start at once wait for
    /// each other here.
    pub(crate) async fn migrate(&self, schema: &Schema) -> Result<(), Error> {
        let migrations = schema.migrations.iter().map(|step| {
            let sql = step.sql.into_sql_str();
            let kind = MigrationType::Simple;
            sqlx::migrate::Migration::new(step.version, step.description.into(), kind, sql, false)
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        // "Dangerous" is to change the name later.
        migrator.dangerous_set_table_name(schema.table);
        let mut transaction = self.begin().await?;
        refuse_strangers(schema, &mut transaction).await.map_err(|error| error.in_file(self.path()))?;
        let outcome = migrator.run_direct(None, &mut *transaction, false).await;
        outcome.map_err(|error| explain(error, schema).in_file(self.path()))?;
        self.commit(transaction).await
    }
}

/// Fails when `schema` was never begun, and a table or view of somebody else's has a name of its.
pub(super) async fn refuse_strangers(
    schema: &Schema,
    connection: &mut SqliteConnection,
) -> Result<(), Error> {
    let present = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')";
    let present: Vec<String> = sqlx::query_scalar(present).fetch_all(connection).await?;
    schema.stranger(&present).map_or(Ok(()), |why| Err(Error::Misconfigured(why)))
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

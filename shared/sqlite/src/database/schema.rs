//! Bringing a file's schema up to date.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, MigrationType, Migrator};
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
        let outcome = migrator.run_direct(None, &mut *transaction, false).await;
        outcome.map_err(|error| explain(error, schema).in_file(self.path()))?;
        self.commit(transaction).await
    }
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

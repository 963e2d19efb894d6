//! Schemas: numbered migrations, each set with its own table of what was applied, so that the queue's and the store's can
//! live in one database.

/// One step of a schema. Once released it never changes.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, from 1.
    pub version: i64,
    /// What it does, in a word or two.
    pub description: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// All steps of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The table that records which of them were applied.
    pub table: &'static str,
    /// The steps, oldest first.
    pub migrations: &'static [Migration],
}

impl Schema {
    /// The number of its newest step.
    pub fn newest(&self) -> i64 {
        self.migrations.last().map_or(0, |step| step.version)
    }
}

/// The schema of the store for the database whose steps are in this folder of `migrations`: the same numbers and names for
/// every database. Used in a crate that is two folders below the root.
#[macro_export]
macro_rules! store_schema {
    ($database:literal) => {
        $crate::store_schema! { @ $database;
            1 "quotes" "0001_quotes.sql",
            2 "ledger" "0002_ledger.sql",
            3 "dead letters" "0003_dead_letters.sql",
            4 "replays" "0004_replays.sql",
            5 "deaths and claims" "0005_deaths_and_claims.sql",
            6 "proofs" "0006_proofs.sql",
        }
    };
    (@ $database:literal; $($version:literal $description:literal $file:literal,)+) => {
        $crate::schema::Schema {
            table: "store_migrations",
            migrations: &[$($crate::schema::Migration {
                version: $version,
                description: $description,
                sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $database, "/", $file)),
            }),+],
        }
    };
}

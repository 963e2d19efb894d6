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

    /// Why the first step may not be applied to a database that has the tables and views `present`: the schema was never
    /// begun there, so one with a name of ours is somebody else's, and a step would stop at it half-way, or take it for ours.
    pub fn stranger(&self, present: &[String]) -> Option<String> {
        if present.iter().any(|name| name.eq_ignore_ascii_case(self.table)) {
            return None;
        }
        let made: Vec<_> = self.migrations.iter().flat_map(|step| made_by(step.sql)).collect();
        let name = present.iter().find(|name| made.iter().any(|made| made.eq_ignore_ascii_case(name)))?;
        Some(format!(
            "has a table or view `{name}` that is not coinpipe's; give coinpipe a database of its own"
        ))
    }
}

/// The tables and views that `sql` creates.
fn made_by(sql: &'static str) -> impl Iterator<Item = &'static str> {
    let mut words =
        sql.split(|letter: char| letter.is_whitespace() || letter == '(').filter(|word| !word.is_empty());
    std::iter::from_fn(move || {
        words.by_ref().find(|word| *word == "CREATE")?;
        let kind =
            words.by_ref().find(|word| !["OR", "REPLACE", "SQL", "SECURITY", "INVOKER"].contains(word))?;
        let is_made = ["TABLE", "VIEW"].contains(&kind);
        let mut name = || words.by_ref().find(|word| !["IF", "NOT", "EXISTS"].contains(word));
        Some(if is_made { name() } else { None })
    })
    .flatten()
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
            10 "verdicts" "0010_verdicts.sql",
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

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        table: "our_migrations",
        migrations: &[
            Migration {
                version: 1,
                description: "one",
                sql: "CREATE TABLE a (\n  n INT\n);\nCREATE INDEX b ON a (n);",
            },
            Migration {
                version: 2,
                description: "two",
                sql: "CREATE TABLE IF NOT EXISTS c(n INT);\nDROP VIEW d;\nCREATE OR REPLACE SQL SECURITY INVOKER VIEW d AS SELECT 1;",
            },
        ],
    };

    #[test]
    fn only_tables_and_views_that_a_step_makes_stand_in_the_way_of_the_first() {
        let stranger = |present: &[&str]| {
            SCHEMA.stranger(&present.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        for name in ["a", "c", "D"] {
            let said = stranger(&["x", name]).expect(name);
            assert!(said.contains(&format!("`{name}`")), "{said}");
            assert_eq!(stranger(&[name, "our_migrations"]), None);
        }
        assert_eq!(stranger(&["b", "n", "AS", "ON", "OR", "IF"]), None);
    }

    #[test]
    fn both_databases_have_the_same_tables() {
        const MYSQL: Schema = crate::store_schema!("mysql");
        const SQLITE: Schema = crate::store_schema!("sqlite");
        let names = |schema: Schema| {
            let names = schema.migrations.iter().flat_map(|step| made_by(step.sql));
            names.collect::<std::collections::BTreeSet<_>>()
        };
        assert!(names(MYSQL).contains("cryptocurrencies"));
        assert_eq!(names(MYSQL), names(SQLITE));
    }
}

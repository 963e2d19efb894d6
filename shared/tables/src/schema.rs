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
    /// How often they are run.
    pub way: Way,
}

impl Migration {
    /// A step whose statements are run once.
    pub const fn new(version: i64, description: &'static str, sql: &'static str) -> Self {
        Self { version, description, sql, way: Way::Whole }
    }
}

/// How often the statements of a step are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Once.
    Whole,
    /// Again and again, each time as one transaction, for as long as the last of them finds a row, whose only column says how far
    /// they are. So a table of any size is converted; who begins again goes on where the last one was.
    InPortions,
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

    /// Why the steps after number `begun`, the newest that was begun, may not be applied to a database that has the tables and
    /// views `present`: one with a name that they are the first to use is somebody else's, and a step would stop at it half-way,
    /// or take it for ours.
    pub fn stranger(&self, present: &[String], begun: i64) -> Option<String> {
        let (before, after): (Vec<_>, Vec<_>) =
            self.migrations.iter().partition(|step| step.version <= begun);
        let is_made = |steps: &[&Migration], name: &String| {
            steps.iter().flat_map(|step| made_by(step.sql)).any(|made| made.eq_ignore_ascii_case(name))
        };
        let name = present.iter().find(|name| is_made(&after, name) && !is_made(&before, name))?;
        Some(format!(
            "has a table or view `{name}` that is not coinpipe's; rename it, or give coinpipe a database of its own"
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
            1 "quotes" "0001_quotes.sql" Whole,
            2 "ledger" "0002_ledger.sql" Whole,
            3 "dead letters" "0003_dead_letters.sql" Whole,
            4 "replays" "0004_replays.sql" Whole,
            5 "deaths and claims" "0005_deaths_and_claims.sql" Whole,
            6 "proofs" "0006_proofs.sql" Whole,
            7 "history in the order of time" "0007_history.sql" Whole,
            8 "history copied" "0008_history_portions.sql" InPortions,
            9 "history as a view" "0009_history_view.sql" Whole,
            10 "verdicts" "0010_verdicts.sql" Whole,
            11 "dropped batches" "0011_dropped_batches.sql" Whole,
            12 "schedules" "0012_schedules.sql" Whole,
            13 "self-reported numbers" "0013_self_reported.sql" Whole,
            14 "more of the market" "0014_market.sql" Whole,
            15 "coins seen last" "0015_coins_seen.sql" Whole,
            16 "desk" "0016_desk.sql" Whole,
            17 "trouble that ends" "0017_trouble.sql" Whole,
            18 "what mails say" "0018_mails.sql" Whole,
            19 "processes" "0019_processes.sql" Whole,
        }
    };
    (@ $database:literal; $($version:literal $description:literal $file:literal $way:ident,)+) => {
        $crate::schema::Schema {
            table: "store_migrations",
            migrations: &[$($crate::schema::Migration {
                version: $version,
                description: $description,
                sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $database, "/", $file)),
                way: $crate::schema::Way::$way,
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
            Migration::new(1, "one", "CREATE TABLE a (\n  n INT\n);\nCREATE INDEX b ON a (n);"),
            Migration::new(
                2,
                "two",
                "CREATE TABLE IF NOT EXISTS c(n INT);\nDROP VIEW d;\nCREATE OR REPLACE SQL SECURITY INVOKER VIEW d AS SELECT 1;\n\
                 CREATE OR REPLACE VIEW a AS SELECT 1;",
            ),
        ],
    };

    #[test]
    fn only_tables_and_views_that_a_step_is_the_first_to_make_stand_in_its_way() {
        let stranger = |present: &[&str], begun| {
            SCHEMA.stranger(&present.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), begun)
        };
        for (name, made_by) in [("a", 1), ("c", 2), ("D", 2)] {
            for begun in 0..=2 {
                let said = stranger(&["x", name], begun);
                assert_eq!(said.is_some(), begun < made_by, "{name} {begun}");
                assert!(said.is_none_or(|said| said.contains(&format!("`{name}`"))));
            }
        }
        assert_eq!(stranger(&["b", "n", "AS", "ON", "OR", "IF"], 0), None);
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

//! A database as the version before migration 7 left it: the history in a table of its own order, the ledger without orders.

use std::path::PathBuf;

use sqlx::migrate::Migrator;

use crate::Client;

impl Client {
    /// Makes the tables what the version before has, with what they hold. Made with its own statements, from its migrations.
    ///
    /// # Panics
    /// When the database does not take it.
    pub async fn back_to_step_6(&self) {
        let history = self.created(1, "quotes_history");
        let replays = self.created(6, "chunk_replays");
        let index = match self {
            Self::Sqlite(_) => "CREATE INDEX quotes_history_by_time ON quotes_history (last_updated);",
            Self::Mysql(_) => "",
        };
        let told = match self {
            Self::Sqlite(_) => "DROP INDEX alert_groups_told; DROP INDEX batches_by_fetch; ",
            Self::Mysql(_) => {
                "DROP INDEX alert_groups_told ON alert_groups; DROP INDEX batches_by_fetch ON batches; "
            }
        };
        let view = self.created(6, "cryptocurrencies");
        self.back_to_step_14().await;
        // MariaDB would only hide them, and have no room for more after some rounds.
        let whole = match self {
            Self::Sqlite(_) => "",
            Self::Mysql(_) => ", ALGORITHM = COPY",
        };
        let drop = |table: &str, columns: &[&str]| {
            let drop = |column| format!("ALTER TABLE {table} DROP COLUMN {column}{whole}; ");
            columns.iter().map(drop).collect::<Vec<_>>().concat()
        };
        let later = drop("batches", &["verdict", "verdict_reason", "dropped_at", "dropped_why"])
            + &drop("batch_chunks", &["sorted", "oldest_quote_at"])
            + &drop("coins", &["platform_name"])
            + &drop(
                "quotes_latest",
                &["self_reported_circulating_supply", "self_reported_market_cap", "tvl"],
            )
            + "DROP TABLE processes; DROP TABLE silences; "
            + told
            + &drop("mail_outbox", &["html", "headers", "recipients", "channel", "copy_of", "taken_at"])
            + &drop("mail_covers", &["told_at"])
            + &drop(
                "alert_groups",
                &[
                    "opened_at",
                    "resolved_at",
                    "resolution",
                    "episodes",
                    "opened_total",
                    "flapping_since",
                    "flaps",
                    "told_at",
                ],
            );
        let on_the_desk = ["by_state", "by_group_state", "by_batch", "settled"];
        let letters = on_the_desk.map(|index| match self {
            Self::Sqlite(_) => format!("DROP INDEX dead_letters_{index}; "),
            Self::Mysql(_) => format!("DROP INDEX dead_letters_{index} ON dead_letters; "),
        });
        let handled =
            ["batch", "coins", "state", "settled_at", "why", "replay_id", "replayed_at", "edited_from"];
        let letters = letters.concat() + &drop("dead_letters", &handled);
        let columns = "batch_id, page, replay, chunks, chunk_coins, chunk";
        self.execute(&format!(
            "CREATE TABLE kept AS SELECT * FROM quotes_history; DROP VIEW quotes_history; {history} {index} \
             INSERT INTO quotes_history SELECT * FROM kept; DROP TABLE kept; DROP TABLE history; DROP TABLE batch_numbers; \
             CREATE TABLE kept AS SELECT * FROM chunk_replays; DROP TABLE chunk_replays; {replays} \
             INSERT INTO chunk_replays ({columns}) SELECT {columns} FROM kept; DROP TABLE kept; \
             DROP VIEW coin_activity; DROP TABLE coin_map; DROP TABLE complete_maps; DROP TABLE global_metrics; \
             DROP TABLE fear_and_greed; DROP TABLE market_indexes; \
             DROP TABLE schedules; DROP TABLE desk_log; DROP VIEW cryptocurrencies; {letters} {later} {view} \
             DELETE FROM store_migrations WHERE version > 6"
        ))
        .await;
    }

    /// Makes the coins and their names tables again, as they were before migration 15, with the rows that the views show.
    ///
    /// # Panics
    /// When the database does not take it.
    pub async fn back_to_step_14(&self) {
        let rename = |from: &str, to: &str| match self {
            Self::Sqlite(_) => format!(
                "PRAGMA legacy_alter_table = ON; ALTER TABLE {from} RENAME TO {to}; PRAGMA legacy_alter_table = OFF; "
            ),
            Self::Mysql(_) => format!("RENAME TABLE {from} TO {to}; "),
        };
        // A CASE without ELSE may be null. MySQL calls the instant NOT NULL otherwise, gives it the default 0000-00-00, and refuses that.
        let show = |view: &str, table: &str, keys: &str, id: &str, and: &str| {
            format!(
                "CREATE TABLE seen AS SELECT {keys}, CASE WHEN {id} > 0 THEN last_seen_at END AS last_seen_at FROM {view}; \
                 UPDATE {table} SET last_seen_at = (SELECT s.last_seen_at FROM seen AS s WHERE s.{id} = {table}.{id}{and}); \
                 DROP TABLE seen; "
            )
        };
        let same =
            ["symbol", "name", "slug"].map(|text| format!(" AND s.{text} = coin_names.{text}")).concat();
        let names = show("coin_identities", "coin_names", "coin_id, symbol, name, slug", "coin_id", &same);
        let coins = show("coins", "coin_descriptions", "id", "id", "");
        let tables = rename("coin_descriptions", "coins") + &rename("coin_names", "coin_identities");
        let view = self.created(13, "cryptocurrencies");
        self.execute(&format!(
            "{names}{coins}DROP VIEW cryptocurrencies; DROP VIEW coin_identities; DROP VIEW coins; {tables}{view} \
             DELETE FROM store_migrations WHERE version = 15"
        ))
        .await;
    }

    /// Leaves what a process does that is killed after these statements of a step: a server keeps each change of a table at once.
    ///
    /// # Panics
    /// When the database does not take them.
    pub async fn killed(&self, statements: &str) {
        match self {
            Self::Sqlite(_) => self.execute(&format!("BEGIN; {statements}; ROLLBACK")).await,
            Self::Mysql(_) => self.execute(&format!("DO 0; {statements}")).await,
        }
    }

    /// Applies the steps up to this number, each once.
    ///
    /// # Panics
    /// When the database does not take them.
    pub async fn migrate_to(&self, step: i64) {
        let mut migrator = Migrator::new(self.migrations()).await.expect("the migrations");
        migrator.dangerous_set_table_name("store_migrations");
        migrator.set_locking(false);
        match self {
            Self::Sqlite(path) => {
                migrator.run_direct(Some(step), &mut crate::sqlite(path).await, false).await
            }
            Self::Mysql(url) => migrator.run_direct(Some(step), &mut crate::mysql(url).await, false).await,
        }
        .expect("they are applied");
    }

    fn migrations(&self) -> PathBuf {
        let database = match self {
            Self::Sqlite(_) => "sqlite",
            Self::Mysql(_) => "mysql",
        };
        [env!("CARGO_MANIFEST_DIR"), "../../migrations", database].iter().collect()
    }

    /// The text of the step with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn step(&self, number: i64) -> String {
        let steps = std::fs::read_dir(self.migrations()).expect("the migrations");
        let mut steps = steps.map(|entry| entry.expect("an entry").path());
        let prefix = format!("{number:04}_");
        let is_it = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(&prefix);
        let step = steps.find(|path| path.file_name().is_some_and(is_it)).expect("the step");
        std::fs::read_to_string(step).expect("its text")
    }

    /// The statement of that step that creates the table or view.
    fn created(&self, step: i64, name: &str) -> String {
        const OTHERS: [&str; 8] = ["IF", "NOT", "EXISTS", "OR", "REPLACE", "SQL", "SECURITY", "INVOKER"];
        let is_it = |statement: &String| {
            let mut words = statement.split_whitespace().filter(|word| !OTHERS.contains(word));
            words.next() == Some("CREATE")
                && words.next().is_some_and(|kind| ["TABLE", "VIEW"].contains(&kind))
                && words.next() == Some(name)
        };
        statements(&self.step(step)).into_iter().find(is_it).expect(name) + ";"
    }
}

/// The statements of `sql`, without comments.
pub fn statements(sql: &str) -> Vec<String> {
    let code = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let code = code.collect::<Vec<_>>().join("\n");
    code.split(';').map(|statement| statement.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

//! Statements that insert many rows at once: a row of its own statement costs ten times as much.

use std::sync::{Arc, LazyLock};

use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::columns::{COINS, IDENTITIES, description, history, latest};
use tables::write::Parameter;
use tables::write::contents::ByTable;

use super::parameters::{Query, Recent};

/// Rows of a full statement. With the widest table that is 6,500 values, well under SQLite's 32,766.
const ROWS: usize = 250;

/// The statements of [`load`](super::load), built once from [`Measure::ALL`](domain::Measure::ALL).
pub(super) static INSERTS: LazyLock<Inserts> = LazyLock::new(|| inserts(">"));

/// Those for a [rebuild](domain::Chunk::is_rebuild).
pub(super) static REBUILDS: LazyLock<Inserts> = LazyLock::new(|| inserts(">="));

type Inserts = ByTable<Insert>;

/// `INSERT … VALUES …, … ON CONFLICT …` for any number of rows.
pub(super) struct Insert {
    into: String,
    row: String,
    on_conflict: String,
    full: Arc<str>,
}

/// `later` compares the fetch time of a row with that of the one held, whose place it takes if so.
fn inserts(later: &str) -> Inserts {
    ByTable {
        coins: Insert::new("coin_descriptions", &COINS, &coin_conflict(later)),
        identities: Insert::new(
            "coin_names",
            &IDENTITIES,
            "ON CONFLICT DO UPDATE SET first_seen_at = min(first_seen_at, excluded.first_seen_at), \
             last_seen_at = max(last_seen_at, excluded.last_seen_at)",
        ),
        // The rows were compared with the table before, under the same lock.
        latest: Insert::new("quotes_latest", &latest(), &quote_conflict(&latest()[2..])),
        history: Insert::new(
            "history",
            &history(),
            &format!(
                "{} WHERE excluded.fetched_at {later} history.fetched_at",
                quote_conflict(&history()[3..])
            ),
        ),
    }
}

impl Insert {
    fn new(table: &str, columns: &[&str], on_conflict: &str) -> Self {
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert = Self {
            into: format!("INSERT INTO {table} ({}) VALUES ", columns.join(", ")),
            row: format!("({places})"),
            on_conflict: format!(" {on_conflict}"),
            full: Arc::from(""),
        };
        insert.full = insert.sql(ROWS).into();
        insert
    }

    fn sql(&self, rows: usize) -> String {
        let values = vec![self.row.as_str(); rows].join(", ");
        [self.into.as_str(), &values, &self.on_conflict].concat()
    }

    /// Inserts `rows`; `values` are those of one in the order of the columns.
    ///
    /// A statement is made while the driver's thread is busy with the one before it.
    pub(super) async fn run<'q, T, V: IntoIterator<Item = Parameter<'q>>>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        values: fn(&T) -> V,
    ) -> Result<(), sqlx::Error> {
        let mut parts = rows.chunks(ROWS);
        let mut recent = Recent::default();
        let mut statements = std::iter::from_fn(|| Some(self.statement(parts.next()?, values, &mut recent)));
        let mut next = statements.next();
        while let Some(statement) = next {
            let execute = statement.execute(&mut *connection);
            let (done, made) = tokio::join!(biased; execute, async { statements.next() });
            done?;
            next = made;
        }
        Ok(())
    }

    fn statement<'q, T, V: IntoIterator<Item = Parameter<'q>>>(
        &self,
        rows: &[T],
        values: fn(&T) -> V,
        recent: &mut Recent,
    ) -> Query<'q> {
        // A prepared statement is worth keeping only when its shape comes again.
        let query = if rows.len() == ROWS {
            sqlx::query(AssertSqlSafe(Arc::clone(&self.full)))
        } else {
            sqlx::query(AssertSqlSafe(self.sql(rows.len()))).persistent(false)
        };
        rows.iter().flat_map(values).fold(query, |query, value| recent.bind(query, value))
    }
}

/// The description changes when it is newer. All right-hand sides see the row as it was before.
fn coin_conflict(later: &str) -> String {
    let described = description().iter().map(|column| {
        format!(
            "{column} = iif(excluded.last_seen_at {later} coin_descriptions.last_seen_at, excluded.{column}, coin_descriptions.{column})"
        )
    });
    let seen = [
        "first_seen_at = min(first_seen_at, excluded.first_seen_at)".to_owned(),
        "last_seen_at = max(last_seen_at, excluded.last_seen_at)".to_owned(),
    ];
    format!("ON CONFLICT DO UPDATE SET {}", described.chain(seen).collect::<Vec<_>>().join(", "))
}

/// Takes over `columns`, those that are not of the key.
fn quote_conflict(columns: &[&str]) -> String {
    let set =
        columns.iter().map(|column| format!("{column} = excluded.{column}")).collect::<Vec<_>>().join(", ");
    format!("ON CONFLICT DO UPDATE SET {set}")
}

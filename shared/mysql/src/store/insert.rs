//! Statements that insert many rows at once: a row of its own statement costs ten times as much.
//!
//! What is newer wins in the statement itself, so the tables are right whoever else writes. Servers assign
//! the columns of an update from left to right, and a column once assigned shows its new value: those that
//! tell what is newer come last. `VALUES(column)` is what was to be inserted (MariaDB has no other way to
//! say it).

use std::sync::{Arc, LazyLock};

use domain::Measure;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::columns::{COINS, IDENTITIES, description, history, latest};
use tables::write::Parameter;
use tables::write::contents::ByTable;

use super::parameters::{Query, bind};

/// How many rows a statement can have: the next above what there is, filled up with repeats of one of them,
/// which change nothing. So all statements stay prepared. One that is not is closed after use, and costs 40 ms
/// over TCP: the server does not answer that, and sqlx leaves Nagle's algorithm on. With the widest table, 500
/// rows are 13,000 values, well under the protocol's 65,535.
const SHAPES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, ROWS];

/// Rows of a full statement.
const ROWS: usize = 500;

/// Bytes after which a statement takes no more rows; the smallest limit in use for a packet is 16 MiB.
const BYTES: usize = 4 << 20;

/// The statements of [`load`](super::load), built once from [`Measure::ALL`](domain::Measure::ALL).
pub(super) static INSERTS: LazyLock<Inserts> = LazyLock::new(|| inserts(">"));

/// Those for a [rebuild](domain::Chunk::is_rebuild).
pub(super) static REBUILDS: LazyLock<Inserts> = LazyLock::new(|| inserts(">="));

type Inserts = ByTable<Insert>;

/// `INSERT … VALUES …, … ON DUPLICATE KEY UPDATE …` for any number of rows.
pub(super) struct Insert {
    /// Its texts, one for each of [`SHAPES`].
    shapes: [Arc<str>; SHAPES.len()],
}

/// `later` compares the fetch time of a row with that of the one held, whose place it takes if so.
fn inserts(later: &str) -> Inserts {
    const SEEN: [&str; 2] = [
        "first_seen_at = LEAST(first_seen_at, VALUES(first_seen_at))",
        "last_seen_at = GREATEST(last_seen_at, VALUES(last_seen_at))",
    ];
    let later_seen = format!("VALUES(last_seen_at) {later} last_seen_at");
    let later_fetched = format!("VALUES(fetched_at) {later} fetched_at");
    let newer = format!(
        "VALUES(last_updated) > last_updated OR VALUES(last_updated) = last_updated AND {later_fetched}"
    );
    let described = description().iter().map(|column| if_so(&later_seen, column));
    let of_quote = |measures: &[Measure], batch: &'static str, newer: &str| {
        content_columns(measures, batch).map(|column| if_so(newer, column)).collect::<Vec<_>>()
    };
    ByTable {
        coins: Insert::new("coin_descriptions", &COINS, described.chain(SEEN.map(str::to_owned))),
        identities: Insert::new("coin_names", &identity_columns(), SEEN.map(str::to_owned)),
        // After fetched_at, the comparison may come out otherwise; the greater last_updated is right
        // however it does.
        latest: Insert::new(
            "quotes_latest",
            &latest(),
            of_quote(&Measure::ALL, "batch_id", &newer).into_iter().chain([
                if_so(&newer, "fetched_at"),
                "last_updated = GREATEST(last_updated, VALUES(last_updated))".to_owned(),
            ]),
        ),
        history: Insert::new(
            "history",
            &history(),
            of_quote(&Measure::HISTORY, "batch", &later_fetched)
                .into_iter()
                .chain([if_so(&later_fetched, "fetched_at")]),
        ),
    }
}

/// Takes the column over if the comparison holds.
fn if_so(comparison: &str, column: &str) -> String {
    format!("{column} = IF({comparison}, VALUES({column}), {column})")
}

impl Insert {
    fn new(table: &str, columns: &[&str], assignments: impl IntoIterator<Item = String>) -> Self {
        let into = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let assignments = assignments.into_iter().collect::<Vec<_>>().join(", ");
        let sql = |rows: usize| {
            let values = vec![row.as_str(); rows].join(", ");
            format!("{into}{values} ON DUPLICATE KEY UPDATE {assignments}").into()
        };
        Self { shapes: SHAPES.map(sql) }
    }

    /// Inserts `rows`, which come in the order of the table's key; `values` are those of one in the order
    /// of the columns, and `bytes` tells at most how long they are beside numbers and names.
    ///
    /// A statement is made while the server is busy with the one before it.
    pub(super) async fn run<'q, T, V: IntoIterator<Item = Parameter<'q>>>(
        &self,
        connection: &mut MySqlConnection,
        rows: &[T],
        bytes: fn(&T) -> usize,
        values: fn(&T) -> V,
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows;
        let mut next = self.statement(&mut rest, bytes, values);
        while let Some(statement) = next {
            let (done, made) = tokio::join!(
                biased;
                statement.execute(&mut *connection),
                async { self.statement(&mut rest, bytes, values) },
            );
            done?;
            next = made;
        }
        Ok(())
    }

    /// The statement that inserts the next of the rows in `rest`, which are taken from it; `None` after the last.
    fn statement<'q, T, V: IntoIterator<Item = Parameter<'q>>>(
        &self,
        rest: &mut &[T],
        bytes: fn(&T) -> usize,
        values: fn(&T) -> V,
    ) -> Option<Query<'q>> {
        let mut length = 0;
        let fits = |row: &&T| {
            let fits = length < BYTES;
            length += bytes(row);
            fits
        };
        let (part, others) = rest.split_at(rest.iter().take(ROWS).take_while(fits).count());
        *rest = others;
        // The shortest: there are never more repeats than rows, so the packet at most doubles.
        let shortest = part.iter().min_by_key(|row| bytes(row))?;
        let shape = SHAPES.partition_point(|rows| *rows < part.len());
        let filled = part.iter().chain(std::iter::repeat(shortest)).take(SHAPES[shape]);
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&self.shapes[shape])));
        Some(filled.flat_map(values).fold(query, bind))
    }
}

/// Of `coin_names`: what makes them unique is a column of its own.
fn identity_columns() -> Vec<&'static str> {
    ["identity"].into_iter().chain(IDENTITIES).collect()
}

/// The columns of a quote that follow the winner: all but the key and what decides. `batch` names the batch.
fn content_columns(measures: &[Measure], batch: &'static str) -> impl Iterator<Item = &'static str> {
    measures.iter().map(|measure| measure.column()).chain(["missing_fields", batch])
}

//! Between SQLite's rows and statements and the values of the tables: instants are texts, counts are signed.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::timestamp;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{SqlSafeStr, Sqlite};
use tables::row::{Row, Unreadable};
use tables::write::Parameter;

/// A statement with its values.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// What `reader` makes of `row`.
pub(crate) fn read<T>(
    row: &SqliteRow,
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    reader(&Columns(row)).map_err(|error| {
        let (index, source) = error.into_parts();
        sqlx::Error::ColumnDecode { index, source }
    })
}

/// What `reader` makes of each of `rows`.
pub(crate) fn read_all<T, C: FromIterator<T>>(
    rows: &[SqliteRow],
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, sqlx::Error> {
    rows.iter().map(|row| read(row, &reader)).collect()
}

/// The statement `sql` with `values`.
pub(crate) fn query<'q>(sql: impl SqlSafeStr, values: impl IntoIterator<Item = Parameter<'q>>) -> Query<'q> {
    values.into_iter().fold(sqlx::query(sql), bind)
}

/// Adds a value. An INTEGER column takes a double that is whole as an integer, and refuses any other.
pub(crate) fn bind<'q>(query: Query<'q>, value: Parameter<'q>) -> Query<'q> {
    match value {
        Parameter::Text(text) => query.bind(text),
        Parameter::Bytes(Cow::Borrowed(bytes)) => query.bind(bytes),
        Parameter::Bytes(Cow::Owned(bytes)) => query.bind(bytes),
        Parameter::Count(count) => query.bind(count.map(integer)),
        Parameter::Number(number) | Parameter::Whole(number) => query.bind(number),
        Parameter::Instant(at) => query.bind(at.map(timestamp::to_text)),
        Parameter::Flag(flag) => query.bind(flag),
    }
}

/// A count as SQLite's integer. No table holds as much as 2^63 of anything.
pub(crate) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

struct Columns<'r>(&'r SqliteRow);

impl<'r> Columns<'r> {
    fn take<T>(&self, column: &str) -> Result<T, Unreadable>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        sqlx::Row::try_get(self.0, column).map_err(|error| unreadable(column, error))
    }
}

impl Row for Columns<'_> {
    fn text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        self.take(column)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        self.take(column)
    }

    fn count(&self, column: &str) -> Result<Option<u64>, Unreadable> {
        let count: Option<i64> = self.take(column)?;
        count.map(u64::try_from).transpose().map_err(|error| Unreadable::new(column, error))
    }

    /// Also from an INTEGER column.
    fn number(&self, column: &str) -> Result<Option<f64>, Unreadable> {
        sqlx::Row::try_get_unchecked(self.0, column).map_err(|error| unreadable(column, error))
    }

    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        let Some(text): Option<&str> = self.take(column)? else { return Ok(None) };
        let instant = timestamp::from_text(text);
        instant
            .map(Some)
            .ok_or_else(|| Unreadable::new(column, format!("{text:?} is not an RFC 3339 instant")))
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        self.take(column)
    }
}

fn unreadable(column: &str, error: sqlx::Error) -> Unreadable {
    match error {
        sqlx::Error::ColumnDecode { source, .. } => Unreadable::new(column, source),
        error => Unreadable::new(column, error),
    }
}

//! Reading SQLite's rows: instants are texts, counts are signed.

use chrono::{DateTime, Utc};
use domain::timestamp;
use sqlx::Sqlite;
use sqlx::sqlite::SqliteRow;
use tables::row::{Row, Unreadable, each};

/// What `reader` makes of `row`.
pub(crate) fn read<T>(
    row: &SqliteRow,
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    reader(&Columns(row)).map_err(undecodable)
}

/// What `reader` makes of each of `rows`.
pub(crate) fn read_all<T, C: FromIterator<T>>(
    rows: &[SqliteRow],
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, sqlx::Error> {
    each(columns(rows), reader).map_err(undecodable)
}

/// The rows as readers take them.
pub(crate) fn columns(rows: &[SqliteRow]) -> impl Iterator<Item = impl Row> {
    rows.iter().map(Columns)
}

/// As the driver says it.
pub(crate) fn undecodable(error: Unreadable) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// The instant that `text`, in `column`, is.
pub(crate) fn instant(column: &str, text: &str) -> Result<DateTime<Utc>, Unreadable> {
    let instant = timestamp::from_text(text);
    instant.ok_or_else(|| Unreadable::new(column, format!("{text:?} is not an RFC 3339 instant")))
}

struct Columns<'r>(&'r SqliteRow);

impl<'r> Columns<'r> {
    fn take<T>(&self, column: &str) -> Result<T, Unreadable>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        sqlx::Row::try_get(self.0, column).map_err(|error| Unreadable::by_driver(column, &error))
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
        sqlx::Row::try_get_unchecked(self.0, column).map_err(|error| Unreadable::by_driver(column, &error))
    }

    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        let Some(text): Option<&str> = self.take(column)? else { return Ok(None) };
        instant(column, text).map(Some)
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        self.take(column)
    }
}

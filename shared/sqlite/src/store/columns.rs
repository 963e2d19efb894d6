//! Reading columns whose meaning SQLite does not know.

use std::error::Error;

use chrono::{DateTime, Utc};
use domain::timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tables::Row;

/// A row, read column by column from the left.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r SqliteRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, of whatever type.
    fn read<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.next += 1;
        self.row.try_get_unchecked(self.next - 1)
    }
}

impl Row for Columns<'_> {
    type Error = sqlx::Error;

    fn text(&mut self) -> Result<Option<String>, sqlx::Error> {
        self.read()
    }

    fn integer(&mut self) -> Result<Option<u64>, sqlx::Error> {
        let integer: Option<i64> = self.read()?;
        integer.map(u64::try_from).transpose().map_err(|error| self.wrong(error.into()))
    }

    fn number(&mut self) -> Result<Option<f64>, sqlx::Error> {
        self.read()
    }

    fn quote_count(&mut self) -> Result<Option<f64>, sqlx::Error> {
        self.read()
    }

    fn instant(&mut self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let Some(text) = self.read::<Option<&str>>()? else { return Ok(None) };
        let instant = timestamp::from_text(text);
        instant.map(Some).ok_or_else(|| self.wrong(format!("{text:?} is not an RFC 3339 instant").into()))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, sqlx::Error> {
        Ok(self.read::<Option<Vec<u8>>>()?.unwrap_or_default())
    }

    fn wrong(&self, source: Box<dyn Error + Send + Sync>) -> sqlx::Error {
        let column = self.row.try_column(self.next - 1);
        let index =
            column.map_or_else(|_| self.next.to_string(), |column| sqlx::Column::name(column).to_owned());
        sqlx::Error::ColumnDecode { index, source }
    }
}

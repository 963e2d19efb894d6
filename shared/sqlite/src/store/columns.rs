//! Reading columns whose meaning SQLite does not know: instants, counts, names, JSON.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// A row, read column by column from the left.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r SqliteRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as what SQLite holds.
    pub(crate) fn take<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.next += 1;
        self.row.try_get(self.next - 1)
    }

    /// A number; also from an INTEGER column.
    pub(crate) fn number(&mut self) -> Result<Option<f64>, sqlx::Error> {
        self.next += 1;
        self.row.try_get_unchecked(self.next - 1)
    }

    /// A number of things.
    pub(crate) fn count(&mut self) -> Result<u64, sqlx::Error> {
        let count: i64 = self.take()?;
        self.checked(u64::try_from(count))
    }

    /// An instant.
    pub(crate) fn instant(&mut self) -> Result<DateTime<Utc>, sqlx::Error> {
        let text: &str = self.take()?;
        self.read_instant(text)
    }

    /// An instant or NULL.
    pub(crate) fn optional_instant(&mut self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let text: Option<&str> = self.take()?;
        text.map(|text| self.read_instant(text)).transpose()
    }

    /// The text of one of an enum's names.
    pub(crate) fn name<T: FromStr>(&mut self) -> Result<T, sqlx::Error>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: &str = self.take()?;
        self.checked(text.parse())
    }

    /// The text of one of an enum's names, or NULL.
    pub(crate) fn optional_name<T: FromStr>(&mut self) -> Result<Option<T>, sqlx::Error>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: Option<&str> = self.take()?;
        self.checked(text.map(str::parse).transpose())
    }

    /// Texts joined by commas.
    pub(crate) fn list(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let text: &str = self.take()?;
        Ok(text.split(',').map(str::to_owned).collect())
    }

    /// What `outcome` read from the column last taken.
    pub(crate) fn checked<T, E>(&self, outcome: Result<T, E>) -> Result<T, sqlx::Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        outcome.map_err(|source| sqlx::Error::ColumnDecode { index: self.column(), source: source.into() })
    }

    fn read_instant(&self, text: &str) -> Result<DateTime<Utc>, sqlx::Error> {
        timestamp::from_text(text).ok_or_else(|| sqlx::Error::ColumnDecode {
            index: self.column(),
            source: format!("{text:?} is not an RFC 3339 instant").into(),
        })
    }

    fn column(&self) -> String {
        let column = self.row.try_column(self.next - 1);
        column.map_or_else(|_| self.next.to_string(), |column| sqlx::Column::name(column).to_owned())
    }
}

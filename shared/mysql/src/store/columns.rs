//! Columns whose meaning the server does not know: counts, names, JSON; and instants, which it keeps without
//! a zone, between two years.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::timestamp;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

/// A row, read column by column from the left.
pub(crate) struct Columns<'r> {
    row: &'r MySqlRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r MySqlRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as what the server holds.
    pub(crate) fn take<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
    {
        self.next += 1;
        self.row.try_get(self.next - 1)
    }

    /// A number of things; also from an expression, which the server calls signed.
    pub(crate) fn count(&mut self) -> Result<u64, sqlx::Error> {
        self.next += 1;
        self.row.try_get_unchecked(self.next - 1)
    }

    /// JSON, which in MariaDB is a text.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, sqlx::Error> {
        self.next += 1;
        let json: &str = self.row.try_get_unchecked(self.next - 1)?;
        self.checked(serde_json::from_str(json))
    }

    /// JSON or NULL.
    pub(crate) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, sqlx::Error> {
        self.next += 1;
        let json: Option<&str> = self.row.try_get_unchecked(self.next - 1)?;
        self.checked(json.map(serde_json::from_str).transpose())
    }

    /// An instant.
    pub(crate) fn instant(&mut self) -> Result<DateTime<Utc>, sqlx::Error> {
        Ok(self.take::<NaiveDateTime>()?.and_utc())
    }

    /// An instant or NULL.
    pub(crate) fn optional_instant(&mut self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        Ok(self.take::<Option<NaiveDateTime>>()?.map(|at| at.and_utc()))
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
    fn checked<T, E>(&self, outcome: Result<T, E>) -> Result<T, sqlx::Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        outcome.map_err(|source| sqlx::Error::ColumnDecode { index: self.column(), source: source.into() })
    }

    fn column(&self) -> String {
        let column = self.row.try_column(self.next - 1);
        column.map_or_else(|_| self.next.to_string(), |column| sqlx::Column::name(column).to_owned())
    }
}

/// `at` as DATETIME(3) holds it; an instant outside the years that it can hold becomes the nearest inside.
pub(crate) fn datetime(at: DateTime<Utc>) -> NaiveDateTime {
    timestamp::to_millis(at).naive_utc().clamp(FIRST, LAST)
}

/// Whether DATETIME(3) can hold `at`.
pub(crate) fn fits(at: DateTime<Utc>) -> bool {
    datetime(at) == timestamp::to_millis(at).naive_utc()
}

const FIRST: NaiveDateTime = year(1000, 1, 1).and_time(NaiveTime::MIN);
const LAST: NaiveDateTime =
    year(9999, 12, 31).and_time(NaiveTime::from_hms_milli_opt(23, 59, 59, 999).expect("a valid constant"));

const fn year(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a valid constant")
}

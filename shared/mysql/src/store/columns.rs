//! Columns whose meaning the server does not know; and instants, which it keeps without a zone, between two years.

use std::error::Error;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::timestamp;
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use tables::Row;

/// A row, read column by column from the left.
pub(crate) struct Columns<'r> {
    row: &'r MySqlRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r MySqlRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, of whatever type: JSON is a text in MariaDB, and expressions have types of their own.
    fn read<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
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
        self.read()
    }

    fn number(&mut self) -> Result<Option<f64>, sqlx::Error> {
        self.read()
    }

    fn quote_count(&mut self) -> Result<Option<f64>, sqlx::Error> {
        Ok(self.read::<Option<u32>>()?.map(f64::from))
    }

    fn instant(&mut self) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        Ok(self.read::<Option<NaiveDateTime>>()?.map(|at| at.and_utc()))
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

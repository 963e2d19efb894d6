//! Between a server's rows and statements and the values of the tables: JSON is a text in MariaDB, what an expression finds
//! is signed, and instants have no zone and lie between two years.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::timestamp;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{MySql, SqlSafeStr, Type, ValueRef};
use tables::row::{Row, Unreadable};
use tables::write::Parameter;

/// A statement with its values.
pub(crate) type Query<'q> = sqlx::query::Query<'q, MySql, MySqlArguments>;

/// What `reader` makes of `row`.
pub(crate) fn read<T>(
    row: &MySqlRow,
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    let read = reader(&Columns(row));
    read.map_err(Unreadable::into_parts)
        .map_err(|(index, source)| sqlx::Error::ColumnDecode { index, source })
}

/// What `reader` makes of each of `rows`.
pub(crate) fn read_all<T, C: FromIterator<T>>(
    rows: &[MySqlRow],
    reader: impl Fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<C, sqlx::Error> {
    rows.iter().map(|row| read(row, &reader)).collect()
}

/// What `reader` makes of the row of a statement that always finds one.
pub(crate) fn read_one<T>(
    rows: &[MySqlRow],
    reader: impl FnOnce(&dyn Row) -> Result<T, Unreadable>,
) -> Result<T, sqlx::Error> {
    read(rows.first().ok_or(sqlx::Error::RowNotFound)?, reader)
}

/// The statement `sql` with `values`.
pub(crate) fn query<'q>(sql: impl SqlSafeStr, values: impl IntoIterator<Item = Parameter<'q>>) -> Query<'q> {
    values.into_iter().fold(sqlx::query(sql), bind)
}

/// Adds a value. What was to be a whole number and is none has been refused before.
pub(crate) fn bind<'q>(query: Query<'q>, value: Parameter<'q>) -> Query<'q> {
    match value {
        Parameter::Text(text) => query.bind(text),
        Parameter::Bytes(Cow::Borrowed(bytes)) => query.bind(bytes),
        Parameter::Bytes(Cow::Owned(bytes)) => query.bind(bytes),
        Parameter::Count(count) => query.bind(count),
        Parameter::Number(number) => query.bind(number),
        Parameter::Whole(number) => query.bind(number.and_then(whole)),
        Parameter::Instant(at) => query.bind(at.map(datetime)),
        Parameter::Flag(flag) => query.bind(flag),
    }
}

/// A count as its column holds it.
pub(crate) fn whole(number: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared right after")]
    let count = number as u32;
    #[expect(clippy::float_cmp, reason = "whole or not")]
    let same = f64::from(count) == number;
    same.then_some(count)
}

struct Columns<'r>(&'r MySqlRow);

impl<'r> Columns<'r> {
    fn take<T>(&self, column: &str) -> Result<T, Unreadable>
    where
        T: sqlx::Decode<'r, MySql> + Type<MySql>,
    {
        sqlx::Row::try_get(self.0, column).map_err(|error| unreadable(column, error))
    }

    /// Whether `column` is of a type that `T` is read from.
    fn is<T: Type<MySql>>(&self, column: &str) -> Result<bool, Unreadable> {
        let value = sqlx::Row::try_get_raw(self.0, column).map_err(|error| unreadable(column, error))?;
        Ok(T::compatible(&value.type_info()))
    }
}

impl Row for Columns<'_> {
    fn text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        self.take(column)
    }

    fn json_text(&self, column: &str) -> Result<Option<String>, Unreadable> {
        sqlx::Row::try_get_unchecked(self.0, column).map_err(|error| unreadable(column, error))
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        self.take(column)
    }

    fn count(&self, column: &str) -> Result<Option<u64>, Unreadable> {
        if self.is::<u64>(column)? {
            return self.take(column);
        }
        let signed: Option<i64> = self.take(column)?;
        signed.map(|count| u64::try_from(count).map_err(|error| Unreadable::new(column, error))).transpose()
    }

    fn number(&self, column: &str) -> Result<Option<f64>, Unreadable> {
        if self.is::<f64>(column)? {
            return self.take(column);
        }
        Ok(self.take::<Option<u32>>(column)?.map(f64::from))
    }

    fn instant(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        Ok(self.take::<Option<NaiveDateTime>>(column)?.map(|at| at.and_utc()))
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

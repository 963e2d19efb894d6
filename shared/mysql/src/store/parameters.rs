//! Binding values to a server's statements: counts are whole, and instants have no zone and lie between two years.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::timestamp;
use sqlx::mysql::MySqlArguments;
use sqlx::{MySql, SqlSafeStr};
use tables::write::Parameter;

/// A statement with its values.
pub(crate) type Query<'q> = sqlx::query::Query<'q, MySql, MySqlArguments>;

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

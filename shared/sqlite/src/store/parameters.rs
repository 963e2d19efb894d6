//! Binding values to SQLite's statements: instants are texts, counts are signed.

use std::borrow::Cow;

use domain::timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{SqlSafeStr, Sqlite};
use tables::write::Parameter;

/// A statement with its values.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

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

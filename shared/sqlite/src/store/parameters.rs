//! Binding values to SQLite's statements: instants are texts, counts are signed.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
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

/// The texts that were bound last, to be bound again: rows in the order of their table's key mostly repeat the instants, the
/// currency and the batch of the row before.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The one that was used last first.
    instants: [Option<(DateTime<Utc>, Arc<str>)>; 2],
    texts: [Option<Arc<str>>; 2],
}

impl Recent {
    /// Adds a value, as [`bind`] does.
    pub(super) fn bind<'q>(&mut self, query: Query<'q>, value: Parameter<'q>) -> Query<'q> {
        match value {
            Parameter::Instant(Some(at)) => query.bind(self.instant(at)),
            Parameter::Text(Some(text)) => query.bind(self.text(&text)),
            other => bind(query, other),
        }
    }

    fn instant(&mut self, at: DateTime<Utc>) -> Arc<str> {
        let is_it = |held: &Option<(DateTime<Utc>, Arc<str>)>| held.as_ref().is_some_and(|held| held.0 == at);
        if !is_it(&self.instants[0]) {
            self.instants.swap(0, 1);
        }
        if !is_it(&self.instants[0]) {
            self.instants[0] = None;
        }
        let (_, text) = self.instants[0].get_or_insert_with(|| (at, timestamp::to_text(at).into()));
        Arc::clone(text)
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        let is_it = |held: &Option<Arc<str>>| held.as_deref() == Some(text);
        if !is_it(&self.texts[0]) {
            self.texts.swap(0, 1);
        }
        if !is_it(&self.texts[0]) {
            self.texts[0] = None;
        }
        Arc::clone(self.texts[0].get_or_insert_with(|| text.into()))
    }
}

/// A count as SQLite's integer. No table holds as much as 2^63 of anything.
pub(crate) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

//! Writing rows: the values of each in the order of its columns, and the texts that are equal for all databases. How a row
//! that is there already is met differs, and is the adapters'.

pub mod contents;
pub mod ledger;
pub mod letters;
pub mod load;
pub mod outbox;
pub mod processes;
pub mod schedules;
pub mod silences;

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// Inserts a row of `columns` into `table`.
pub(crate) fn insert(table: &str, columns: &[&str]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {table} ({}) VALUES ({places})", columns.join(", "))
}

/// A statement, and what it binds.
pub type Asked<'a> = (String, Vec<Parameter<'a>>);

/// A value of a statement. `None` is NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter<'a> {
    /// A text.
    Text(Option<Cow<'a, str>>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A number of things.
    Count(Option<u64>),
    /// A number.
    Number(Option<f64>),
    /// A number for a column of whole numbers.
    Whole(Option<f64>),
    /// An instant.
    Instant(Option<DateTime<Utc>>),
    /// Yes or no.
    Flag(Option<bool>),
}

impl<'a> From<&'a str> for Parameter<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Parameter<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<u32> for Parameter<'_> {
    fn from(count: u32) -> Self {
        Self::Count(Some(count.into()))
    }
}

impl From<u64> for Parameter<'_> {
    fn from(count: u64) -> Self {
        Self::Count(Some(count))
    }
}

impl From<bool> for Parameter<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(Some(flag))
    }
}

impl From<DateTime<Utc>> for Parameter<'_> {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Instant(Some(at))
    }
}

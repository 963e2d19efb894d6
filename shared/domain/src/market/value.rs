//! A value of a row of a kind.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, finite; also an id or a count.
    Number(f64),
    /// A text, or JSON.
    Text(String),
    /// An instant, in whole milliseconds.
    Instant(DateTime<Utc>),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// The longest JSON. The hundred constituents of an index have 15 kB.
    pub const MOST_JSON_BYTES: usize = 256 << 10;

    /// Puts values of one field in an order; those of different types are in none that means anything.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let place = |value: &Self| match value {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Instant(_) => 2,
            Self::Flag(_) => 3,
        };
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Instant(one), Self::Instant(other)) => one.cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            _ => place(self).cmp(&place(other)),
        }
    }
}

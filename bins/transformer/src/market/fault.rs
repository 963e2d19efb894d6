//! Why a row of a kind cannot be loaded.

use polars::error::PolarsError;

use crate::read::CoinFault;

/// Why a row of a kind cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowFault {
    /// It is no object.
    #[error("the row is {0}, not an object")]
    NotARow(String),
    /// What every row of the kind has is not there, or null.
    #[error("{0} is missing")]
    FieldMissing(&'static str),
    /// A text, a number or an id that is none.
    #[error(transparent)]
    Value(#[from] CoinFault),
    /// An instant that is none.
    #[error("{field} is {found}, not an RFC 3339 instant")]
    BadInstant { field: &'static str, found: String },
    /// A count that is not whole, or too large.
    #[error("{field} is {number}: not a whole number from 0 to {most}")]
    BadCount { field: &'static str, number: f64, most: u32 },
    /// An amount below zero.
    #[error("{field} is {number}: less than zero")]
    Negative { field: &'static str, number: f64 },
    /// The instant that orders the rows is yet to come.
    #[error("{field} is {found}: more than 10 minutes ahead of the clock")]
    InTheFuture { field: &'static str, found: String },
    /// The instant that orders the rows is a zero or an overflow.
    #[error("{field} is {found}: earlier than the first block of Bitcoin")]
    BeforeBitcoin { field: &'static str, found: String },
    /// Another row of the page has its id.
    #[error("its id was sent more than once; the first row was kept")]
    DuplicateId,
    /// A rule itself failed: a bug.
    #[error("the cleaning rules failed")]
    Rules(#[from] PolarsError),
}

impl RowFault {
    /// The name of the rule that the row broke. Rules of coins have their names.
    pub(super) fn rule(&self) -> &'static str {
        match self {
            Self::NotARow(_) => "not_a_row",
            Self::FieldMissing(_) => "field_missing",
            Self::Value(fault) => fault.rule(),
            Self::BadInstant { .. } => "bad_instant",
            Self::BadCount { .. } => "bad_count",
            Self::Negative { .. } => "negative_amount",
            Self::InTheFuture { .. } => "in_the_future",
            Self::BeforeBitcoin { .. } => "before_bitcoin",
            Self::DuplicateId => "duplicate_id",
            Self::Rules(_) => "rules_failed",
        }
    }
}

//! Why a coin cannot be read.

use super::MAX_CHARS;

/// Why a coin cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CoinFault {
    /// Not an object.
    #[error("the coin is {0}, not an object")]
    NotACoin(String),
    /// No id that can be a key.
    #[error("id is {0}, not a whole number from 1 to 4294967295")]
    BadId(String),
    /// A name that is not text.
    #[error("{field} is {found}, not text without NUL characters")]
    BadText { field: &'static str, found: String },
    /// A name longer than the tables hold.
    #[error("{field} has {chars} characters, more than {MAX_CHARS}")]
    TextTooLong { field: &'static str, chars: usize },
    /// A measure that is not a number.
    #[error("{field} is {found}, not a number")]
    NotANumber { field: &'static str, found: String },
    /// A measure beyond the largest double.
    #[error("{field} is {found}, beyond the range of a double")]
    NumberOutOfRange { field: &'static str, found: String },
    /// A currency that was asked for and not sent.
    #[error("quote in {0} was asked for and not sent")]
    CurrencyMissing(String),
    /// A quote without the instant that orders it.
    #[error("last_updated in {currency} is {found}, not an RFC 3339 instant")]
    BadLastUpdated { currency: String, found: String },
}

impl CoinFault {
    /// The name of the rule that the coin broke.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::NotACoin(_) => "not_a_coin",
            Self::BadId(_) => "bad_id",
            Self::BadText { .. } => "bad_text",
            Self::TextTooLong { .. } => "text_too_long",
            Self::NotANumber { .. } => "not_a_number",
            Self::NumberOutOfRange { .. } => "number_out_of_range",
            Self::CurrencyMissing(_) => "currency_missing",
            Self::BadLastUpdated { .. } => "bad_last_updated",
        }
    }
}

/// A coin that cannot be read, with its id if that much could.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) coin_id: Option<u32>,
    pub(crate) fault: CoinFault,
}

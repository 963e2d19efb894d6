//! Why a whole page cannot be cleaned.

use domain::{Class, PageError};
use polars::error::PolarsError;
use stage::Failure;

/// A page as a whole makes no sense, so that none of its coins can be told apart, or would cost more than any
/// page should. Trying again cannot help; the page goes to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum PageFault {
    /// The headers or the compression are not those of a page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The body is not UTF-8, the only encoding of JSON.
    #[error("body is not UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// The body is not JSON: cut off, an HTML page, empty.
    #[error("body is not JSON")]
    BadJson(#[source] serde_json::Error),
    /// The body is JSON, but not a listing.
    #[error("body is not a listing: {0}")]
    NotAListing(String),
    /// The API answered with an error.
    #[error("the API answered with error code {code}: {message}")]
    SourceError {
        /// `status.error_code` as sent.
        code: String,
        /// `status.error_message`.
        message: String,
    },
    /// Most of what stands where the coins should is no coin.
    #[error("{garbage} of the {elements} elements of data that were read are no coins; the first: {first}")]
    Garbage {
        /// Elements that are no objects, or have no id.
        garbage: usize,
        /// Elements that were read; more may follow.
        elements: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// More elements than any page has.
    #[error("data has more than {limit} elements")]
    TooManyCoins {
        /// How many are read.
        limit: usize,
    },
    /// It would take too much memory.
    #[error(
        "its {bytes} bytes hold more coins, quotes and tags than any answer of the API: reading them would take \
         too much memory"
    )]
    TooDense {
        /// Bytes of the page, decoded.
        bytes: usize,
    },
    /// A chunk that a broker would not take.
    #[error(
        "chunk {chunk} has {bytes} bytes, more than the {limit} that a broker takes; lower transform.chunk_coins"
    )]
    ChunkTooLarge {
        /// Which chunk, from 1.
        chunk: u32,
        /// Its bytes.
        bytes: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// A rule asked the frame for what it does not hold: a bug.
    #[error("the cleaning rules failed")]
    Rules(#[from] PolarsError),
}

impl PageFault {
    /// The stable word for dead letters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Page(PageError::Header(_) | PageError::Senseless(_)) => "bad_header",
            Self::Page(PageError::Encoding(_) | PageError::Zstd(_)) => "bad_encoding",
            Self::Page(PageError::TooLarge) => "too_large",
            Self::NotUtf8(_) => "not_utf8",
            Self::BadJson(_) => "bad_json",
            Self::NotAListing(_) => "not_a_listing",
            Self::SourceError { .. } => "source_error",
            Self::Garbage { .. } => "mostly_garbage",
            Self::TooManyCoins { .. } => "too_many_coins",
            Self::TooDense { .. } => "too_dense",
            Self::ChunkTooLarge { .. } => "chunk_too_large",
            Self::Rules(_) => "rules_failed",
        }
    }
}

impl From<PageFault> for Failure {
    fn from(fault: PageFault) -> Self {
        Self::Reject { class: Class::Poison, code: fault.code(), reason: telemetry::error_chain(&fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_cause_once() {
        let cause = serde_json::from_str::<u8>("[").unwrap_err();
        let Failure::Reject { class, code, reason } = PageFault::BadJson(cause).into() else {
            panic!("a faulty page is rejected");
        };
        assert_eq!((class, code), (Class::Poison, "bad_json"));
        assert_eq!(reason, "body is not JSON: invalid type: sequence, expected u8 at line 1 column 0");
    }
}

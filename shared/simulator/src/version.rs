//! The two versions of the listings endpoint.

use std::fmt;

/// Which version of `cryptocurrency/listings/latest`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ApiVersion {
    /// `v1`: status first, `quote` is a map by currency.
    V1,
    /// `v3`: rows first, `quote` is an array.
    V3,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V3 => "v3",
        })
    }
}

//! The shapes of the listings API.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// Which shape of the listings API a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// `v1`: the status comes first, `quote` is a map by currency.
    V1,
    /// `v3`: the rows come first, `quote` is an array, one element per currency.
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

impl FromStr for ApiVersion {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "v1" => Ok(Self::V1),
            "v3" => Ok(Self::V3),
            _ => Err(UnknownName::new("API version", text)),
        }
    }
}

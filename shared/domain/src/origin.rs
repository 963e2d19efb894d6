//! Where a page comes from: just fetched, or out of the archive.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// Whether a page is new or comes from the archive. Only live pages enter the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Just fetched.
    Live,
    /// Published again from the archive.
    Replay,
    /// Published again, to take the place of what an earlier version of the rules made of it.
    Rebuild,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Replay => "replay",
            Self::Rebuild => "rebuild",
        })
    }
}

impl FromStr for Origin {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "live" => Ok(Self::Live),
            "replay" => Ok(Self::Replay),
            "rebuild" => Ok(Self::Rebuild),
            _ => Err(UnknownName::new("origin", text)),
        }
    }
}

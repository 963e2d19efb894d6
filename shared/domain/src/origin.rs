//! Where a page comes from: just fetched, fetched later than it speaks of, or out of the archive.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// Whether a page is new or comes from the archive. Pages that were just paid for enter the archive: live ones, and those of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Just fetched, of the market as it is.
    Live,
    /// Just fetched, of the market as it was: it fills a gap.
    Backfill,
    /// Published again from the archive.
    Replay,
    /// Published again, to take the place of what an earlier version of the rules made of it.
    Rebuild,
}

impl Origin {
    /// Whether it was just fetched from the API, and not taken out of the archive.
    pub fn is_fetched(self) -> bool {
        matches!(self, Self::Live | Self::Backfill)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Backfill => "backfill",
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
            "backfill" => Ok(Self::Backfill),
            "replay" => Ok(Self::Replay),
            "rebuild" => Ok(Self::Rebuild),
            _ => Err(UnknownName::new("origin", text)),
        }
    }
}

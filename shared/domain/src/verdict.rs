//! What is wrong with a snapshot as a whole, as far as its fetcher could tell.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// The longest reason of a verdict, in characters.
pub(crate) const MOST_WHY: usize = 2000;

/// In which way a snapshot is not what it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// All is there, and some of it is hardly true: quotes that stand still, prices that jumped.
    Suspect,
    /// Coins are missing that were asked for and that there are.
    Incomplete,
}

impl Doubt {
    /// The word for it: `incomplete` or `suspect`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Doubt {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let all = [Self::Suspect, Self::Incomplete];
        all.into_iter().find(|doubt| doubt.as_str() == text).ok_or_else(|| UnknownName::new("doubt", text))
    }
}

/// What was found wrong with a snapshot before it was announced. None is dropped for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How bad it is.
    pub doubt: Doubt,
    /// The checks that found something, by name and with their numbers, on one line.
    pub why: String,
}

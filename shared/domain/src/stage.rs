//! The names of the stages.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// The stages of the pipeline; the name of the folder, package, binary and metric label alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageName {
    /// Gets raw pages from the API.
    Fetcher,
    /// Cleans pages into rows.
    Transformer,
    /// Writes rows into the store.
    Loader,
    /// Files dead letters and mails.
    Alerter,
}

impl StageName {
    /// All stages, in the order a batch passes them.
    pub const ALL: [Self; 4] = [Self::Fetcher, Self::Transformer, Self::Loader, Self::Alerter];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetcher => "fetcher",
            Self::Transformer => "transformer",
            Self::Loader => "loader",
            Self::Alerter => "alerter",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StageName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|stage| stage.as_str() == text);
        found.ok_or_else(|| UnknownName::new("stage", text))
    }
}

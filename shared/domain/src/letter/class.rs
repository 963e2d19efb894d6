//! Why something is in the dead letters, coarsely.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// Why something is in the dead letters, coarsely: what an operator does about it depends on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The message as a whole cannot be read, or made a stage panic; trying again cannot help.
    Poison,
    /// Rows that a cleaning rule or the database refused; the other rows of the message went on.
    RejectedRows,
    /// A message that failed in a way that could have passed, until its attempts ran out.
    RetriesExhausted,
    /// A message whose worker died each time it was handed out; counted by the queue.
    DeliveryLimit,
    /// No message: something that somebody has to know or do, such as a failed fetch.
    Incident,
    /// A letter without a readable class; it is kept, too.
    Unknown,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 6] = [
        Self::Poison,
        Self::RejectedRows,
        Self::RetriesExhausted,
        Self::DeliveryLimit,
        Self::Incident,
        Self::Unknown,
    ];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poison => "poison",
            Self::RejectedRows => "rejected_rows",
            Self::RetriesExhausted => "retries_exhausted",
            Self::DeliveryLimit => "delivery_limit",
            Self::Incident => "incident",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|class| class.as_str() == text);
        found.ok_or_else(|| UnknownName::new("class", text))
    }
}

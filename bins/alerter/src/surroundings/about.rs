//! What is looked up of a group that a mail is about.

use chrono::{DateTime, Utc};
use ports::store::AlertGroup;

/// A group, and of which of its deaths the mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) group: String,
    /// Since when they died; `None`: all.
    pub(crate) since: Option<DateTime<Utc>>,
    /// How many they are.
    pub(crate) deaths: u64,
}

impl About {
    /// Those of which nobody was told.
    pub(crate) fn open(group: &AlertGroup) -> Self {
        Self { group: group.fingerprint.clone(), since: group.mailed_at, deaths: group.unsent }
    }

    /// Those of the episode that ended.
    pub(crate) fn ended(group: &AlertGroup) -> Self {
        let deaths = group.total.saturating_sub(group.opened_total);
        Self { group: group.fingerprint.clone(), since: Some(group.opened_at), deaths }
    }
}

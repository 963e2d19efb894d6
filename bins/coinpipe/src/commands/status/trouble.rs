//! How much trouble is open: letters, not their deaths.

use std::collections::BTreeMap;

use ports::store::{AlertGroup, Unsettled};
use serde_json::{Value, json};

use crate::numbers;

/// What nobody has settled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Groups that are open.
    groups: u64,
    /// Their letters that are open. Those of resolved groups are about to be settled, too.
    letters: u64,
    /// Their letters that were sent again, and of which nobody knows yet.
    replayed: u64,
    /// Their deaths since they opened.
    deaths: u64,
}

impl Trouble {
    /// Of the open `groups`, and the letters of each group that are `unsettled`.
    pub(super) fn of(groups: &[AlertGroup], unsettled: &BTreeMap<String, Unsettled>) -> Self {
        let mut trouble = Self { groups: groups.len() as u64, letters: 0, replayed: 0, deaths: 0 };
        for group in groups {
            let letters = unsettled.get(&group.fingerprint).copied().unwrap_or_default();
            trouble.letters += letters.open;
            trouble.replayed += letters.replayed;
            trouble.deaths += group.total.saturating_sub(group.opened_total);
        }
        trouble
    }

    /// One line.
    pub(super) fn to_text(self) -> String {
        let Self { groups, letters, replayed, deaths } = self;
        if groups == 0 {
            return "no open dead-letter groups".to_owned();
        }
        let mut text = format!(
            "{} with {}",
            numbers::counted(groups, "open dead-letter group"),
            numbers::counted(letters, "letter")
        );
        if replayed > 0 {
            text = format!("{text} and {} sent again, outcome not known yet", numbers::count(replayed));
        }
        if deaths > letters + replayed {
            text = format!("{text} ({} since they opened)", numbers::counted(deaths, "death"));
        }
        format!("{text}; see `coinpipe dead groups`")
    }

    pub(super) fn to_json(self) -> Value {
        let Self { groups, letters, replayed, deaths } = self;
        json!({ "open_groups": groups, "open_letters": letters, "replayed_letters": replayed, "deaths": deaths })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_and_their_deaths_where_they_are_more() {
        let trouble =
            |groups, letters, replayed, deaths| Trouble { groups, letters, replayed, deaths }.to_text();
        assert_eq!(trouble(0, 0, 0, 0), "no open dead-letter groups");
        assert_eq!(trouble(1, 1, 0, 1), "1 open dead-letter group with 1 letter; see `coinpipe dead groups`");
        assert_eq!(
            trouble(2, 3, 0, 7),
            "2 open dead-letter groups with 3 letters (7 deaths since they opened); see `coinpipe dead groups`"
        );
        assert_eq!(
            trouble(1, 0, 1, 1),
            "1 open dead-letter group with 0 letters and 1 sent again, outcome not known yet; see `coinpipe dead groups`"
        );
    }
}

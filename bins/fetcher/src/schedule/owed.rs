//! Slots that were missed and are to be filled from the history: noted where the next leader sees it, beside the claims.
//!
//! Some of them are being *filled*, by one fetcher: they are not owed any more, so that nobody pays for them twice.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{Slot, timestamp};
use serde::{Deserialize, Serialize};

use crate::history::MOST_FILLED;

/// The slots of one source in one list of currencies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owed {
    /// Which source and currencies.
    of: String,
    slots: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filling: Option<Filling>,
}

/// What a fetcher is filling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filling {
    /// The id of its spool.
    pub(crate) by: String,
    at: String,
    slots: BTreeSet<String>,
}

impl Owed {
    /// Nothing yet, `of` this source and these currencies.
    pub(crate) fn new(of: &str) -> Self {
        Self { of: of.to_owned(), ..Self::default() }
    }

    /// Whether it is `of` this source and these currencies.
    pub(crate) fn is_of(&self, of: &str) -> bool {
        self.of == of
    }

    /// Whether there is nothing to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.filling.is_none()
    }

    /// Adds slots that were missed; of too many the oldest are forgotten.
    pub(crate) fn add(&mut self, slots: impl IntoIterator<Item = Slot>) {
        self.slots.extend(slots.into_iter().map(to_text));
        while self.slots.len() > MOST_FILLED {
            self.slots.pop_first();
        }
    }

    /// What is owed and not being filled.
    pub(crate) fn slots(&self) -> BTreeSet<Slot> {
        to_slots(&self.slots)
    }

    /// Only `slots` are owed.
    pub(crate) fn retain(&mut self, slots: &BTreeSet<Slot>) {
        self.slots = slots.iter().copied().map(to_text).collect();
    }

    /// From `now` on the fetcher whose spool is `by` fills `window`.
    pub(crate) fn begin(&mut self, window: &[Slot], by: &str, now: DateTime<Utc>) {
        let slots: BTreeSet<_> = window.iter().copied().map(to_text).collect();
        self.slots.retain(|slot| !slots.contains(slot));
        self.filling = Some(Filling { by: by.to_owned(), at: timestamp::to_text(now), slots });
    }

    /// What is being filled.
    pub(crate) fn filling(&self) -> Option<&Filling> {
        self.filling.as_ref()
    }

    /// Nothing is being filled any more.
    pub(crate) fn end(&mut self) {
        self.filling = None;
    }
}

impl Filling {
    /// The slots.
    pub(crate) fn window(&self) -> Vec<Slot> {
        to_slots(&self.slots).into_iter().collect()
    }

    /// Since when, as its fetcher's clock said.
    pub(crate) fn since(&self) -> DateTime<Utc> {
        timestamp::from_text(&self.at).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// In the order of time.
fn to_text(slot: Slot) -> String {
    timestamp::to_text(slot.starts_at())
}

/// What makes no sense is left out.
fn to_slots(texts: &BTreeSet<String>) -> BTreeSet<Slot> {
    texts.iter().filter_map(|text| timestamp::from_text(text)).map(Slot::at).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hours(count: u32) -> Vec<Slot> {
        let first = timestamp::from_text("2026-11-01T00:00:00Z").unwrap();
        (0..count).map(|hour| Slot::at(timestamp::later(first, Duration::from_hours(1) * hour))).collect()
    }

    #[test]
    fn what_is_being_filled_is_owed_no_more() {
        let mut owed = Owed::new("host USD");
        let slots = hours(5);
        owed.add(slots.clone());
        owed.begin(&slots[3..], "spool", slots[4].starts_at());
        assert_eq!(owed.slots().into_iter().collect::<Vec<_>>(), slots[..3]);
        let filling = owed.filling().unwrap();
        assert_eq!(
            (filling.window(), filling.by.as_str(), filling.since()),
            (slots[3..].to_vec(), "spool", slots[4].starts_at())
        );
        let json = serde_json::to_vec(&owed).unwrap();
        assert_eq!(serde_json::from_slice::<Owed>(&json).unwrap(), owed);
        owed.retain(&BTreeSet::new());
        assert!(!owed.is_empty());
        owed.end();
        assert!(owed.is_empty() && owed.is_of("host USD") && !owed.is_of("host EUR"));
    }

    #[test]
    fn of_too_many_the_newest_are_owed() {
        let mut owed = Owed::new("");
        let slots = hours(801);
        owed.add(slots.clone());
        assert_eq!((owed.slots().len(), owed.slots().first().copied()), (800, Some(slots[1])));
    }
}

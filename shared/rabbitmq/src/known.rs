//! What the archive is known to hold, so that no page is appended twice.
//!
//! A stream neither refuses nor forgets, and tells no ids without the pages. So the ids that this process appended are
//! remembered, and those of others are read when they can matter: a page was archived after it was fetched, so reading
//! from then on is enough.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Message, MessageId, header, timestamp};
use ports::{QueueError, Stretch};

use crate::archive;
use crate::queue::Inner;

/// By how much the clocks of fetchers and brokers may differ.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// How many ids are remembered before room is made, and how many of one reading: some MiB: more than a week of a page a minute.
pub(crate) const MOST: usize = 20_000;

/// Ids in the archive.
pub(crate) struct Known {
    ids: BTreeSet<MessageId>,
    /// The archived pages that were fetched then or later are all in `ids`.
    since: DateTime<Utc>,
    /// How far the archive was read.
    read_to: Option<u64>,
}

impl Known {
    /// Nothing is known of before `now`, when this process began: who fetches a page after that is this process.
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        Self { ids: BTreeSet::new(), since: now, read_to: None }
    }

    /// Whether the archive holds `page`; `None`: that has to be [looked up](Self::look).
    pub fn holds(&self, page: &Message) -> Option<bool> {
        if self.ids.contains(&page.id) {
            return Some(true);
        }
        fetched_at(page).is_some_and(|at| at >= self.since).then_some(false)
    }

    /// Forgets all when that has become much. To be called before pages are looked for and never before they are appended:
    /// what was found must not be forgotten between the two.
    pub fn make_room(&mut self, now: DateTime<Utc>) {
        if self.ids.len() >= MOST {
            *self = Self::starting_at(now);
        }
    }

    /// It holds `id` now.
    pub fn add(&mut self, id: MessageId) {
        self.ids.insert(id);
    }

    /// Reads what `pages` could be found among: from the time the oldest was fetched to where the archive ends now. The ids
    /// of those that are there.
    pub async fn look(
        &mut self,
        shared: &Inner,
        pages: &[Message],
    ) -> Result<BTreeSet<MessageId>, QueueError> {
        // The time before all times, when one of them does not tell its own.
        let oldest = pages.iter().map(|page| fetched_at(page).unwrap_or(DateTime::<Utc>::MIN_UTC)).min();
        let Some(oldest) = oldest else { return Ok(BTreeSet::new()) };
        let from = oldest.checked_sub_signed(SKEW);
        let last = archive::last(shared).await?;
        let end = last.as_ref().map_or(0, |last| last.position);
        // Waiting for what a stream has since a time when it has nothing takes long.
        let is_older =
            last.is_none_or(|last| last.published_at.zip(from).is_some_and(|(at, from)| at < from));
        let stretch = match self.read_to {
            // A stream that was deleted and declared anew starts from 0 again.
            Some(after) if oldest >= self.since => {
                Stretch { after: if after > end { 0 } else { after }, end }
            }
            _ if is_older => Stretch { after: end, end },
            _ => archive::stretch(shared, from).await?,
        };
        let mut reading = Reading::of(pages, &self.ids);
        archive::ids(shared, stretch, |id| reading.take(id)).await?;
        Ok(self.learn(reading, oldest, stretch.end))
    }

    /// Remembers what was read from `oldest` to the position `end`, unless that was too much: then nothing is known that
    /// was not known before, and the next look reads it again.
    fn learn(&mut self, reading: Reading, oldest: DateTime<Utc>, end: u64) -> BTreeSet<MessageId> {
        if let Some(all) = reading.all {
            self.ids.extend(all);
            self.since = self.since.min(oldest);
            self.read_to = Some(end);
        }
        reading.there
    }
}

/// What is made of the ids in the archive while they are read, in bounded memory.
struct Reading {
    wanted: BTreeSet<MessageId>,
    /// Those of `wanted` that are in the archive.
    there: BTreeSet<MessageId>,
    /// What was read; `None`: too much to remember.
    all: Option<BTreeSet<MessageId>>,
}

impl Reading {
    /// Looks for `pages`, some of which may be among the `known`.
    fn of(pages: &[Message], known: &BTreeSet<MessageId>) -> Self {
        let wanted: BTreeSet<_> = pages.iter().map(|page| page.id.clone()).collect();
        let there = wanted.intersection(known).cloned().collect();
        Self { wanted, there, all: Some(BTreeSet::new()) }
    }

    fn take(&mut self, id: MessageId) {
        if self.wanted.contains(&id) {
            self.there.insert(id.clone());
        }
        if let Some(all) = &mut self.all {
            all.insert(id);
            if all.len() > MOST {
                self.all = None;
            }
        }
    }
}

fn fetched_at(page: &Message) -> Option<DateTime<Utc>> {
    page.headers.get(header::FETCHED_AT).and_then(timestamp::from_text)
}

#[cfg(test)]
mod tests {
    use domain::timestamp::later;
    use domain::{Headers, MessageId};
    use std::time::Duration;

    use super::*;

    fn page(id: &str, fetched_at: Option<DateTime<Utc>>) -> Message {
        let mut headers = Headers::new();
        if let Some(at) = fetched_at {
            headers.set(header::FETCHED_AT, timestamp::to_text(at));
        }
        Message { id: MessageId::new(id), headers, body: domain::Bytes::new() }
    }

    #[test]
    fn only_what_this_process_fetched_is_known_without_looking() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut known = Known::starting_at(start);
        let (before, after) = (start - TimeDelta::seconds(1), later(start, Duration::from_mins(1)));
        assert_eq!(known.holds(&page("a", Some(after))), Some(false));
        assert_eq!(known.holds(&page("a", Some(before))), None);
        assert_eq!(known.holds(&page("a", None)), None);
        known.add(MessageId::new("a"));
        for at in [Some(after), Some(before), None] {
            assert_eq!(known.holds(&page("a", at)), Some(true));
        }
    }

    #[test]
    fn what_is_forgotten_is_looked_up_again() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut known = Known::starting_at(start);
        let at = later(start, Duration::from_mins(1));
        let now = later(at, Duration::from_mins(1));
        for n in 0..=MOST {
            known.add(MessageId::new(format!("p{n}")));
        }
        // Not as long as something may have been found: appending makes no room.
        assert_eq!(known.holds(&page("p0", Some(at))), Some(true));
        known.make_room(now);
        assert!(known.ids.is_empty());
        assert_eq!(known.holds(&page("p0", Some(at))), None);
        // Looked up, it is known again, and so is what was not there.
        let pages = [page("p0", Some(at)), page("new", Some(at))];
        let mut reading = Reading::of(&pages, &known.ids);
        for id in ["p0", "p1"] {
            reading.take(MessageId::new(id));
        }
        assert_eq!(known.learn(reading, at, 2), BTreeSet::from([MessageId::new("p0")]));
        known.make_room(now);
        assert_eq!(pages.map(|page| known.holds(&page)), [Some(true), Some(false)]);
        assert_eq!(known.holds(&page("p1", None)), Some(true));
    }

    #[test]
    fn more_than_can_be_remembered_is_read_and_what_was_looked_for_is_found() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut known = Known::starting_at(start);
        known.add(MessageId::new("mine"));
        let pages = ["p1", "mine", "new"].map(|id| page(id, None));
        let mut reading = Reading::of(&pages, &known.ids);
        for n in 0..=2 * MOST {
            reading.take(MessageId::new(format!("p{n}")));
            assert!(reading.all.as_ref().is_none_or(|all| all.len() <= MOST));
        }
        let there = known.learn(reading, DateTime::<Utc>::MIN_UTC, 1);
        assert_eq!(there, ["p1", "mine"].map(MessageId::new).into());
        // Nothing is taken for known that is not.
        assert_eq!((known.ids.len(), known.since, known.read_to), (1, start, None));
        assert_eq!(known.holds(&page("p2", Some(start - TimeDelta::seconds(1)))), None);
    }
}

//! Ids that are known to be in the archive, so that no page is appended twice.
//!
//! A stream accepts duplicates, and its ids can only be read with the pages. So the ids that this process appended are
//! remembered. Those of other processes are read when they can matter: a page was archived after it was fetched, so it
//! is enough to read from then on.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Message, MessageId, header, timestamp};
use ports::{ArchiveRange, QueueError};

use super::read;
use crate::client::Client;

/// By how much the clocks of fetchers and brokers may differ.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// How many ids are remembered, some MiB of them: more than a week of a page a minute.
pub(crate) const MOST: usize = 20_000;

/// What is known, and from which time on that is complete.
pub(crate) struct ArchivedIds {
    ids: BTreeSet<MessageId>,
    /// The archived pages that were fetched then or later are all in `ids`.
    since: DateTime<Utc>,
    /// How far the archive was read.
    read_to: Option<u64>,
}

impl ArchivedIds {
    /// At `now`, when this process starts: pages that are fetched later are fetched by this process.
    pub(crate) fn starting_at(now: DateTime<Utc>) -> Self {
        Self { ids: BTreeSet::new(), since: now, read_to: None }
    }

    /// Whether the archive holds `page`; `None`: that has to be [looked up](Self::look_up).
    pub(crate) fn contains(&self, page: &Message) -> Option<bool> {
        if self.ids.contains(&page.id) {
            return Some(true);
        }
        fetched_at(page).is_some_and(|at| at >= self.since).then_some(false)
    }

    /// Forgets all when there are too many. To be called before pages are looked up, never between that and appending
    /// them: what was found must not be forgotten.
    pub(crate) fn make_room(&mut self, now: DateTime<Utc>) {
        if self.ids.len() >= MOST {
            *self = Self::starting_at(now);
        }
    }

    /// The archive holds `id` now.
    pub(crate) fn insert(&mut self, id: MessageId) {
        self.ids.insert(id);
    }

    /// The ids of those `pages` that the archive holds. Reads it from the time at which the oldest was fetched to its end.
    pub(crate) async fn look_up(
        &mut self,
        client: &Client,
        pages: &[Message],
    ) -> Result<BTreeSet<MessageId>, QueueError> {
        // All of it, when one of them does not say when it was fetched.
        let oldest = pages.iter().map(|page| fetched_at(page).unwrap_or(DateTime::<Utc>::MIN_UTC)).min();
        let Some(oldest) = oldest else { return Ok(BTreeSet::new()) };
        let from = oldest.checked_sub_signed(SKEW);
        let last = read::last(client).await?;
        let end = last.as_ref().map_or(0, |last| last.position);
        // Asking a stream for what it has since a time, when there is nothing, takes long.
        let is_older =
            last.is_none_or(|last| last.published_at.zip(from).is_some_and(|(at, from)| at < from));
        let range = match self.read_to {
            // A stream that was deleted and declared anew starts from 0 again.
            Some(after) if oldest >= self.since => {
                ArchiveRange { after: if after > end { 0 } else { after }, end }
            }
            _ if is_older => ArchiveRange { after: end, end },
            _ => read::range(client, from).await?,
        };
        let mut scan = Scan::of(pages, &self.ids);
        read::ids(client, range, |id| scan.take(id)).await?;
        Ok(self.learn(scan, oldest, range.end))
    }

    /// Remembers what was read from `oldest` to the position `end`, and returns what was found. When it was too much to
    /// remember, the next look-up reads it again.
    fn learn(&mut self, scan: Scan, oldest: DateTime<Utc>, end: u64) -> BTreeSet<MessageId> {
        if let Some(all) = scan.all {
            self.ids.extend(all);
            self.since = self.since.min(oldest);
            self.read_to = Some(end);
        }
        scan.found
    }
}

/// Collects ids while the archive is read, in bounded memory.
struct Scan {
    wanted: BTreeSet<MessageId>,
    /// Those of `wanted` that are in the archive.
    found: BTreeSet<MessageId>,
    /// What was read; `None`: too much to remember.
    all: Option<BTreeSet<MessageId>>,
}

impl Scan {
    /// Looks for `pages`, some of which may be among the `known`.
    fn of(pages: &[Message], known: &BTreeSet<MessageId>) -> Self {
        let wanted: BTreeSet<_> = pages.iter().map(|page| page.id.clone()).collect();
        let found = wanted.intersection(known).cloned().collect();
        Self { wanted, found, all: Some(BTreeSet::new()) }
    }

    fn take(&mut self, id: MessageId) {
        if self.wanted.contains(&id) {
            self.found.insert(id.clone());
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
    let arrived = page.headers.get(header::RECEIVED_AT).or_else(|| page.headers.get(header::FETCHED_AT));
    arrived.and_then(timestamp::from_text)
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
        let mut archived = ArchivedIds::starting_at(start);
        let (before, after) = (start - TimeDelta::seconds(1), later(start, Duration::from_mins(1)));
        assert_eq!(archived.contains(&page("a", Some(after))), Some(false));
        assert_eq!(archived.contains(&page("a", Some(before))), None);
        assert_eq!(archived.contains(&page("a", None)), None);
        // One that fills a gap counts as fetched long before it came.
        let mut gap = page("gap", Some(before));
        gap.headers.set(header::RECEIVED_AT, timestamp::to_text(after));
        assert_eq!(archived.contains(&gap), Some(false));
        archived.insert(MessageId::new("a"));
        for at in [Some(after), Some(before), None] {
            assert_eq!(archived.contains(&page("a", at)), Some(true));
        }
    }

    #[test]
    fn what_is_forgotten_is_looked_up_again() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut archived = ArchivedIds::starting_at(start);
        let at = later(start, Duration::from_mins(1));
        let now = later(at, Duration::from_mins(1));
        for n in 0..=MOST {
            archived.insert(MessageId::new(format!("p{n}")));
        }
        // Not as long as something may have been found: appending makes no room.
        assert_eq!(archived.contains(&page("p0", Some(at))), Some(true));
        archived.make_room(now);
        assert!(archived.ids.is_empty());
        assert_eq!(archived.contains(&page("p0", Some(at))), None);
        // Looked up, it is known again, and so is what was not there.
        let pages = [page("p0", Some(at)), page("new", Some(at))];
        let mut scan = Scan::of(&pages, &archived.ids);
        for id in ["p0", "p1"] {
            scan.take(MessageId::new(id));
        }
        assert_eq!(archived.learn(scan, at, 2), BTreeSet::from([MessageId::new("p0")]));
        archived.make_room(now);
        assert_eq!(pages.map(|page| archived.contains(&page)), [Some(true), Some(false)]);
        assert_eq!(archived.contains(&page("p1", None)), Some(true));
    }

    #[test]
    fn more_than_can_be_remembered_is_read_and_what_was_looked_for_is_found() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut archived = ArchivedIds::starting_at(start);
        archived.insert(MessageId::new("mine"));
        let pages = ["p1", "mine", "new"].map(|id| page(id, None));
        let mut scan = Scan::of(&pages, &archived.ids);
        for n in 0..=2 * MOST {
            scan.take(MessageId::new(format!("p{n}")));
            assert!(scan.all.as_ref().is_none_or(|all| all.len() <= MOST));
        }
        let found = archived.learn(scan, DateTime::<Utc>::MIN_UTC, 1);
        assert_eq!(found, ["p1", "mine"].map(MessageId::new).into());
        // Nothing is taken for known that is not.
        assert_eq!((archived.ids.len(), archived.since, archived.read_to), (1, start, None));
        assert_eq!(archived.contains(&page("p2", Some(start - TimeDelta::seconds(1)))), None);
    }
}

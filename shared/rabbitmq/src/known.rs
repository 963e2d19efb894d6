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
/// How many ids are remembered, some MiB: more than a week of a page a minute.
const MOST: usize = 20_000;

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

    /// It holds `id` now.
    pub fn add(&mut self, id: MessageId, now: DateTime<Utc>) {
        if self.ids.len() >= MOST {
            *self = Self::starting_at(now);
        }
        self.ids.insert(id);
    }

    /// Reads what `pages` could be found among: from the time the oldest was fetched to where the archive ends now.
    pub async fn look(&mut self, shared: &Inner, pages: &[Message]) -> Result<(), QueueError> {
        // The time before all times, when one of them does not tell its own.
        let oldest = pages.iter().map(|page| fetched_at(page).unwrap_or(DateTime::<Utc>::MIN_UTC)).min();
        let Some(oldest) = oldest else { return Ok(()) };
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
        self.ids.extend(archive::ids(shared, stretch).await?);
        self.since = self.since.min(oldest);
        self.read_to = Some(stretch.end);
        Ok(())
    }
}

fn fetched_at(page: &Message) -> Option<DateTime<Utc>> {
    page.headers.get(header::FETCHED_AT).and_then(timestamp::from_text)
}

#[cfg(test)]
mod tests {
    use domain::{Headers, MessageId};
    use ports::rules::later;
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
        known.add(MessageId::new("a"), after);
        for at in [Some(after), Some(before), None] {
            assert_eq!(known.holds(&page("a", at)), Some(true));
        }
    }

    #[test]
    fn what_is_forgotten_is_looked_up_again() {
        let start = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let mut known = Known::starting_at(start);
        let at = later(start, Duration::from_mins(1));
        for n in 0..=MOST {
            known.add(MessageId::new(format!("p{n}")), later(at, Duration::from_mins(1)));
        }
        assert!(known.ids.len() <= MOST);
        assert_eq!(known.holds(&page("p0", Some(at))), None);
    }
}

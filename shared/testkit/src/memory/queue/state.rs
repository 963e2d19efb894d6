//! What is in the memory queue, and every step that changes it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::timestamp::later;
use domain::{DeadLetter, Message};

use super::leader::LeaderState;
use super::options::Options;
use ports::{ArchiveRange, Archived, Clock, Depth, QueueName, Settlement};

/// Everything.
#[derive(Default)]
pub(super) struct State {
    /// Whether calls fail.
    pub(super) is_away: bool,
    /// The most bytes that a body may have when it is published, if there is a most.
    pub(super) largest: Option<usize>,
    /// By queue and order of publishing.
    entries: BTreeMap<(QueueName, u64), Entry>,
    published: u64,
    archive: VecDeque<Page>,
    archived: u64,
    /// Letters that claims have put on the dead queue: its consumers have to be woken when it grows.
    pub(super) buried: u64,
    pub(super) leader: LeaderState,
}

struct Entry {
    message: Message,
    published_at: DateTime<Utc>,
    /// Not handed out before; `None`: at once.
    available_at: Option<DateTime<Utc>>,
    /// The clock of the process that holds it.
    holder: Option<Arc<dyn Clock>>,
    /// Times handed out and not given back since it was published or retried.
    deliveries: u32,
    /// Times ever handed out: tells a lease from the one after it.
    claims: u64,
}

struct Page {
    archived: Archived,
    archived_at: DateTime<Utc>,
}

/// The right to settle a message, until someone else gets it.
pub(super) struct Lease {
    key: (QueueName, u64),
    claims: u64,
}

/// What a consumer gets.
pub(super) enum Claim {
    /// A message.
    Taken { lease: Lease, message: Message, deliveries: u32 },
    /// Something may come at this time.
    NotBefore(DateTime<Utc>),
    /// The queue is empty.
    Nothing,
}

impl Entry {
    /// When it may be handed out; `None`: at once.
    fn due_at(&self, lease: Duration) -> Option<DateTime<Utc>> {
        match &self.holder {
            Some(clock) => Some(later(clock.now(), lease)),
            None => self.available_at,
        }
    }
}

impl State {
    pub(super) fn messages(&self, queue: QueueName) -> Vec<Message> {
        self.on(queue).map(|(_, entry)| entry.message.clone()).collect()
    }

    pub(super) fn is_too_large(&self, message: &Message) -> bool {
        self.largest.is_some_and(|largest| message.body.len() > largest)
    }

    pub(super) fn publish(
        &mut self,
        to: QueueName,
        messages: &[Message],
        now: DateTime<Utc>,
        options: &Options,
    ) {
        for message in messages {
            self.push(to, message.clone(), now);
            if to.archives(message) {
                self.keep_page(message, now, options);
            }
        }
    }

    pub(super) fn claim(
        &mut self,
        from: QueueName,
        clock: &Arc<dyn Clock>,
        now: DateTime<Utc>,
        options: &Options,
    ) -> Claim {
        loop {
            let found = self.on(from).map(|(key, entry)| (entry.due_at(options.lease), *key)).min();
            let Some((due, key)) = found else { return Claim::Nothing };
            match due {
                Some(due) if due > now => return Claim::NotBefore(due),
                _ => (),
            }
            let entry = self.entries.get_mut(&key).expect("the key was just found");
            if entry.holder.is_some() && from.is_past_limit(entry.deliveries, options.delivery_limit) {
                let letter =
                    DeadLetter::delivery_limit(&entry.message, from.consumer(), entry.deliveries, now);
                self.entries.remove(&key);
                self.push(QueueName::Dead, letter.into_message(), now);
                self.buried += 1;
                continue;
            }
            entry.holder = Some(Arc::clone(clock));
            entry.deliveries += 1;
            entry.claims += 1;
            let lease = Lease { key, claims: entry.claims };
            return Claim::Taken { lease, message: entry.message.clone(), deliveries: entry.deliveries };
        }
    }

    /// `false`: the lease is no longer the holder's.
    pub(super) fn settle(
        &mut self,
        lease: &Lease,
        message: Message,
        settlement: Settlement,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(entry) = self.held(lease) else { return false };
        match settlement {
            Settlement::Done => {
                self.entries.remove(&lease.key);
            }
            Settlement::RetryAfter { delay, attempt } => {
                entry.message = message.retried(attempt, now);
                entry.available_at = Some(later(now, delay));
                entry.holder = None;
                entry.deliveries = 0;
            }
            Settlement::DeadLetter(letter) => {
                self.entries.remove(&lease.key);
                self.push(QueueName::Dead, letter.into_message(), now);
            }
        }
        true
    }

    /// A message that is given back unharmed was not handed out, as far as the limit goes.
    pub(super) fn give_back(&mut self, lease: &Lease) {
        if let Some(entry) = self.held(lease) {
            entry.holder = None;
            entry.available_at = None;
            entry.deliveries -= 1;
        }
    }

    pub(super) fn depth(&self, queue: QueueName, now: DateTime<Utc>, lease: Duration) -> Depth {
        let mut depth = Depth::default();
        for (_, entry) in self.on(queue) {
            match entry.due_at(lease) {
                Some(due) if due > now && entry.holder.is_some() => depth.unsettled += 1,
                Some(due) if due > now => depth.delayed += 1,
                _ => depth.ready += 1,
            }
            depth.oldest_at = depth.oldest_at.into_iter().chain([entry.published_at]).min();
        }
        depth
    }

    pub(super) fn range(&self, since: Option<DateTime<Utc>>) -> ArchiveRange {
        let end = self.archive.back().map_or(0, |page| page.archived.position);
        let mut pages = self.archive.iter();
        let first = pages.find(|page| since.is_none_or(|since| page.archived_at >= since));
        ArchiveRange { after: first.map_or(end, |page| page.archived.position - 1), end }
    }

    pub(super) fn read_archive(&self, after: u64, limit: u32) -> Vec<Archived> {
        let pages = self.archive.iter().map(|page| &page.archived).filter(|page| page.position > after);
        pages.take(limit as usize).cloned().collect()
    }

    fn on(&self, queue: QueueName) -> impl Iterator<Item = (&(QueueName, u64), &Entry)> {
        self.entries.range((queue, 0)..=(queue, u64::MAX))
    }

    fn held(&mut self, lease: &Lease) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&lease.key);
        entry.filter(|entry| entry.holder.is_some() && entry.claims == lease.claims)
    }

    fn push(&mut self, to: QueueName, message: Message, now: DateTime<Utc>) {
        self.published += 1;
        let published_at = now;
        let entry =
            Entry { message, published_at, available_at: None, holder: None, deliveries: 0, claims: 0 };
        self.entries.insert((to, self.published), entry);
    }

    fn keep_page(&mut self, message: &Message, now: DateTime<Utc>, options: &Options) {
        if !self.archive.iter().any(|page| page.archived.message.id == message.id) {
            self.archived += 1;
            let archived = Archived { position: self.archived, message: message.clone() };
            self.archive.push_back(Page { archived, archived_at: now });
        }
        self.archive.retain(|page| later(page.archived_at, options.archive_keep) > now);
        let mut size: u64 = self.archive.iter().map(|page| page.archived.message.size()).sum();
        while size > options.archive_max_bytes {
            let Some(oldest) = self.archive.pop_front() else { break };
            size -= oldest.archived.message.size();
        }
    }
}

//! Closes what has passed: incidents of the fetcher, and batches that were incomplete for a while, each when the tables prove that
//! nobody has to look after it any more.

mod end;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::endpoint::{HISTORY, LISTINGS, QUOTES};
use domain::{BatchId, Schedule, Slot, in_force, timestamp};
use ports::store::{AlertGroup, BatchRecord, GroupState, LetterSummary};
use ports::{Clock, FetchedSlot, Ledger, Letters, Schedules, StoreError};
use service::Stores;
use tracing::info;

use crate::held_slots::held_slots;
use end::End;

/// So many of the newest batches are searched for one that proves that something works again.
const NEWEST: u32 = 100;

/// So many batches are looked up at once.
const AT_ONCE: usize = 200;

/// So many letters of a group are looked at. One with more is looked at by people.
const MOST_LETTERS: u32 = 300;

/// Resolves groups of incidents that have passed.
pub(crate) struct Passed {
    ledger: Arc<dyn Ledger>,
    schedules: Arc<dyn Schedules>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
}

impl Passed {
    pub(crate) fn new(stores: &Stores, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger: Arc::clone(&stores.ledger),
            schedules: Arc::clone(&stores.schedules),
            letters: Arc::clone(&stores.letters),
            clock,
        }
    }

    /// Resolves the groups that have passed. What nothing in the tables can prove stays open.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let groups = self.letters.groups(Some(GroupState::Open)).await?;
        for group in groups.iter().filter(|group| End::may_be_known(group)) {
            if let Some(end) = self.end_of(group).await?
                && self.letters.resolve(&group.fingerprint, group.total, end).await?
            {
                info!(group = group.fingerprint, code = group.code, "resolved: {end}");
            }
        }
        Ok(())
    }

    /// How the group ended, if it did: its newest letter says what of.
    async fn end_of(&self, group: &AlertGroup) -> Result<Option<&'static str>, StoreError> {
        let newest = self.letters.letters(Some(&group.fingerprint), 1).await?;
        let Some(newest) = newest.first() else { return Ok(None) };
        let Some(end) = End::of(newest) else { return Ok(None) };
        if !self.has_come(&end, newest).await? {
            return Ok(None);
        }
        let is_over = !end.is_of_each() || self.has_come_for_all(group).await?;
        Ok(is_over.then(|| end.in_words()))
    }

    async fn has_come_for_all(&self, group: &AlertGroup) -> Result<bool, StoreError> {
        let letters = self.letters.letters(Some(&group.fingerprint), MOST_LETTERS).await?;
        let of_this_time = letters.iter().take_while(|letter| letter.filed_at >= group.opened_at);
        let mut count = 0;
        for letter in of_this_time {
            count += 1;
            let Some(end) = End::of(letter) else { return Ok(false) };
            if !self.has_come(&end, letter).await? {
                return Ok(false);
            }
        }
        Ok(count < MOST_LETTERS)
    }

    async fn has_come(&self, end: &End, letter: &LetterSummary) -> Result<bool, StoreError> {
        match end {
            End::Came(batch) => Ok(self.ledger.batch(batch).await?.is_some_and(|batch| is_whole(&batch))),
            End::Completed(batch) => {
                let batch = self.ledger.batch(batch).await?;
                Ok(batch.is_some_and(|batch| batch.dropped.is_some() || batch.is_complete()))
            }
            End::Filled { first, last } => self.is_filled(first, *last).await,
            End::Sound { than } => self.is_sound_after(than).await,
            End::Works { kind } => self.works_after(letter.filed_at, kind.as_deref()).await,
            End::After(at) => Ok(self.clock.now() >= *at),
        }
    }

    /// Whether each slot from that of `first` to the one that begins at `last` has a snapshot. A schedule that is not known any more
    /// proves nothing.
    async fn is_filled(&self, first: &BatchId, last: Option<DateTime<Utc>>) -> Result<bool, StoreError> {
        let Some(from) = first.slot() else { return Ok(false) };
        let last = last.unwrap_or(from);
        let schedules = self.schedules.schedules(Schedule::QUOTES, from).await?;
        let followed = in_force(&schedules).into_iter().filter(|one| {
            let Schedule { endpoint, convert, .. } = one.schedule;
            BatchId::new(Slot::at(from), endpoint, convert) == *first
        });
        let due: Vec<_> = followed
            .flat_map(|one| {
                one.slots(from, last + TimeDelta::seconds(1)).map(move |slot| (slot, one.schedule))
            })
            .collect();
        let Some(longest) = due.iter().map(|(_, schedule)| schedule.every).max() else { return Ok(false) };
        let mut fetched = self.schedules.fetched_slots(from, timestamp::later(last, longest)).await?;
        let whole = self.whole_of_the_past(&fetched).await?;
        fetched.retain(|one| one.endpoint != HISTORY || whole.contains(&one.batch));
        let held = held_slots(&fetched);
        Ok(due.iter().all(|(slot, schedule)| held.of_schedule(schedule, *slot).is_some()))
    }

    /// Those of `fetched` that were filled from the history, with all that they should have.
    async fn whole_of_the_past(&self, fetched: &[FetchedSlot]) -> Result<BTreeSet<BatchId>, StoreError> {
        let past = fetched.iter().filter(|one| one.endpoint == HISTORY);
        let ids: Vec<_> = past.map(|one| one.batch.clone()).collect();
        let mut whole = BTreeSet::new();
        for some in ids.chunks(AT_ONCE) {
            let records = self.ledger.batches_of(some).await?;
            let filling = records.into_iter().filter(|record| record.fills_slot() && record.is_complete());
            whole.extend(filling.map(|record| record.id));
        }
        Ok(whole)
    }

    /// Whether a snapshot of the same kind came after that of `than`, and nothing was found wrong with it.
    async fn is_sound_after(&self, than: &BatchId) -> Result<bool, StoreError> {
        let Some(slot) = than.slot() else { return Ok(false) };
        let batches = self.ledger.batches(NEWEST).await?;
        let mut later = batches.iter().filter(|batch| batch.slot.starts_at() > slot);
        Ok(later.any(|batch| batch.endpoint == than.endpoint() && is_whole(batch) && batch.verdict.is_none()))
    }

    /// Whether a batch of `kind`, or a snapshot, is whole that was fetched after `at`.
    async fn works_after(&self, at: DateTime<Utc>, kind: Option<&str>) -> Result<bool, StoreError> {
        let batches = self.ledger.batches(NEWEST).await?;
        let is_of =
            |endpoint: &str| kind.map_or([LISTINGS, QUOTES].contains(&endpoint), |kind| kind == endpoint);
        let is_later = |batch: &BatchRecord| batch.fetched_at.is_some_and(|fetched| fetched > at);
        Ok(batches.iter().any(|batch| is_of(&batch.endpoint) && is_later(batch) && is_whole(batch)))
    }
}

/// Whether all of a batch is in the tables, as far as it was there; or somebody took it out.
fn is_whole(batch: &BatchRecord) -> bool {
    batch.dropped.is_some() || batch.fetched_at.is_some() && batch.is_complete() && !batch.lacks_coins()
}

#[cfg(test)]
mod tests;

//! Closes what has passed: incidents of the fetcher, and batches that were incomplete for a while, each when the tables prove that
//! nobody has to look after it any more.

mod end;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Schedule, Slot, due_slots, timestamp};
use ports::store::{AlertGroup, BatchRecord, GroupState, LetterSummary};
use ports::{Clock, Ledger, Letters, Schedules, StoreError};
use service::{Held, Stores};
use tracing::info;

use crate::newest::{Newest, is_of_snapshots};
use end::End;

/// What proves that something works again has a slot that began no longer than this before it was found wrong.
const SLOT_BEFORE: TimeDelta = TimeDelta::days(2);

/// So many letters of a group are looked at. One with more is looked at by people.
const MOST_LETTERS: u32 = 300;

/// Resolves groups of incidents that have passed.
pub(crate) struct Passed {
    ledger: Arc<dyn Ledger>,
    schedules: Arc<dyn Schedules>,
    newest: Newest,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
}

impl Passed {
    pub(crate) fn new(stores: &Stores, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger: Arc::clone(&stores.ledger),
            schedules: Arc::clone(&stores.schedules),
            newest: Newest::new(Arc::clone(&stores.ledger), Arc::clone(&stores.schedules)),
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
        let is_followed = |schedule: &Schedule| {
            let Schedule { endpoint, convert, .. } = schedule;
            BatchId::new(Slot::at(from), endpoint, convert) == *first
        };
        // These are over, whatever the time is.
        let all = due_slots(&schedules, (from, last + TimeDelta::seconds(1)), DateTime::<Utc>::MAX_UTC);
        let due: Vec<_> = all.filter(|due| is_followed(due.schedule)).collect();
        let Some(longest) = due.iter().map(|due| due.schedule.every).max() else { return Ok(false) };
        let span = (from, timestamp::later(last, longest));
        let mut held = Held::between(&*self.schedules, &*self.ledger, span).await?;
        held.slots.retain(|one| !held.unloaded.contains(&one.batch));
        let held = held.by_slot();
        Ok(due.iter().all(|due| held.of_schedule(due.schedule, due.slot).is_some()))
    }

    /// Whether a snapshot of the same kind came after that of `than`, and nothing was found wrong with it.
    async fn is_sound_after(&self, than: &BatchId) -> Result<bool, StoreError> {
        let Some(slot) = than.slot() else { return Ok(false) };
        let is_alike = |endpoint: &str| endpoint == than.endpoint();
        let sound = |batch: &BatchRecord| (is_whole(batch) && batch.verdict.is_none()).then_some(());
        Ok(self.newest.find((slot, self.clock.now()), is_alike, sound).await?.is_some())
    }

    /// Whether a batch of `kind`, or a snapshot, is whole that was fetched after `at`.
    async fn works_after(&self, at: DateTime<Utc>, kind: Option<&str>) -> Result<bool, StoreError> {
        let is_meant = |endpoint: &str| kind.map_or(is_of_snapshots(endpoint), |kind| kind == endpoint);
        let is_later = |batch: &BatchRecord| batch.fetched_at.is_some_and(|fetched| fetched > at);
        let works = |batch: &BatchRecord| (is_later(batch) && is_whole(batch)).then_some(());
        let since = at.checked_sub_signed(SLOT_BEFORE).unwrap_or(at);
        Ok(self.newest.find((since, self.clock.now()), is_meant, works).await?.is_some())
    }
}

/// Whether all of a batch is in the tables, as far as it was there; or somebody took it out.
fn is_whole(batch: &BatchRecord) -> bool {
    batch.dropped.is_some() || batch.fetched_at.is_some() && batch.is_complete() && !batch.lacks_coins()
}

#[cfg(test)]
mod tests;

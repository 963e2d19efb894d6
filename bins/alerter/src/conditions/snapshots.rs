//! When a schedule last had a snapshot that is whole.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::endpoint::HISTORY;
use domain::{BatchId, Schedule, Slot};
use ports::{FetchedSlot, Ledger, Schedules, StoreError};

/// So many batches are looked up at once, the newest first: nearly always the first of them is whole.
const AT_ONCE: usize = 4;

pub(super) struct Snapshots {
    ledger: Arc<dyn Ledger>,
    schedules: Arc<dyn Schedules>,
}

impl Snapshots {
    pub(super) fn new(ledger: Arc<dyn Ledger>, schedules: Arc<dyn Schedules>) -> Self {
        Self { ledger, schedules }
    }

    /// The newest whole snapshot of `schedule`, if it is older than `allowed` at `now`, as far as it is known. The time of a snapshot
    /// is its slot and what it took after the slot began, so that nothing that is written later makes it newer; what was filled from
    /// the history is none.
    pub(super) async fn late(
        &self,
        schedule: &Schedule,
        allowed: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Option<Late>, StoreError> {
        let every = TimeDelta::from_std(schedule.every).unwrap_or(TimeDelta::MAX);
        let Some(from) = now.checked_sub_signed(allowed).and_then(|from| from.checked_sub_signed(every))
        else {
            return Ok(None);
        };
        let mut fetched = self.schedules.fetched_slots(from, now).await?;
        fetched.retain(|one| is_of(one, schedule));
        fetched.sort_by_key(|one| std::cmp::Reverse(one.slot));
        for some in fetched.chunks(AT_ONCE) {
            let ids: Vec<BatchId> = some.iter().map(|one| one.batch.clone()).collect();
            let batches = self.ledger.batches_of(&ids).await?;
            let whole = batches.iter().filter(|batch| batch.is_complete() && batch.dropped.is_none());
            let times = whole.filter_map(|batch| Some(time_of(batch.slot, batch.fetched_at?, every)));
            if let Some(newest) = times.max() {
                return Ok((now - newest >= allowed).then_some(Late { newest: Some(newest) }));
            }
        }
        Ok(Some(Late { newest: None }))
    }
}

/// No snapshot came whole for too long.
pub(super) struct Late {
    /// When the newest whole one was there; `None` when that is longer ago than anybody looked.
    pub(super) newest: Option<DateTime<Utc>>,
}

fn is_of(fetched: &FetchedSlot, schedule: &Schedule) -> bool {
    fetched.convert == schedule.convert
        && fetched.endpoint != HISTORY
        && fetched.endpoint == schedule.endpoint
}

/// When a snapshot was there: fetched within its slot. What took longer, such as what a fetcher held back while it could not publish,
/// counts as of the end of the slot.
fn time_of(slot: Slot, fetched_at: DateTime<Utc>, every: TimeDelta) -> DateTime<Utc> {
    slot.starts_at() + (fetched_at - slot.starts_at()).clamp(TimeDelta::zero(), every)
}

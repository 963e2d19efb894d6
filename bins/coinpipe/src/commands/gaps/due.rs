//! Which slots were due, which of them have a snapshot, and which are missing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, HeldSlots, Schedule, Slot, in_force, timestamp};
use ports::FetchedSlot;

/// A slot is fetched until the next one begins, and then has this time to be loaded.
const LOADED_WITHIN: Duration = Duration::from_mins(5);

/// Slots that were due.
#[derive(Debug, Default)]
pub(in crate::commands) struct Due<'a> {
    pub(in crate::commands) count: u64,
    /// Those without a batch, oldest first.
    pub(in crate::commands) missing: Vec<MissingSlot<'a>>,
    /// The batches of the others.
    pub(in crate::commands) batches: Vec<&'a BatchId>,
}

/// A slot without a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct MissingSlot<'a> {
    pub(in crate::commands) slot: Slot,
    pub(in crate::commands) schedule: &'a Schedule,
}

impl MissingSlot<'_> {
    /// The batch that it should have.
    pub(in crate::commands) fn batch(&self) -> BatchId {
        BatchId::new(self.slot, &self.schedule.endpoint, &self.schedule.convert)
    }
}

/// Slots without a batch that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Gap<'a> {
    pub(in crate::commands) schedule: &'a Schedule,
    pub(in crate::commands) first: Slot,
    pub(in crate::commands) last: Slot,
    pub(in crate::commands) count: u64,
}

impl Gap<'_> {
    /// Where the slot after its last begins.
    pub(in crate::commands) fn ends_at(&self) -> Slot {
        after(self.last, self.schedule)
    }
}

/// Holds the slots of `schedules` that were due in a span against those that were `fetched`. Slots that may still be fetched, or
/// loaded, at `now` are not due yet.
pub(in crate::commands) fn find<'a>(
    schedules: &'a [Schedule],
    fetched: &'a [FetchedSlot],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Due<'a> {
    let mut held = HeldSlots::default();
    for FetchedSlot { batch, slot, endpoint, convert } in fetched {
        held.add(endpoint, convert, *slot, batch);
    }
    let mut due = Due::default();
    for one in in_force(schedules) {
        let schedule = one.schedule;
        for slot in one.slots(from, to) {
            let ends_at = after(slot, schedule).starts_at();
            if timestamp::later(ends_at, LOADED_WITHIN) > now {
                break;
            }
            due.count += 1;
            match held.of_schedule(schedule, slot) {
                Some(batch) => due.batches.push(batch),
                None => due.missing.push(MissingSlot { slot, schedule }),
            }
        }
    }
    due.missing.sort_by_key(|missing| missing.slot);
    due
}

/// The missing slots, put together where one follows the other.
pub(in crate::commands) fn gaps<'a>(missing: &[MissingSlot<'a>]) -> Vec<Gap<'a>> {
    let mut gaps: Vec<Gap<'a>> = Vec::new();
    for &MissingSlot { slot, schedule } in missing {
        let follows = |gap: &&mut Gap| is_alike(gap.schedule, schedule) && gap.ends_at() == slot;
        match gaps.iter_mut().rev().take(8).find(follows) {
            Some(gap) => (gap.last, gap.count) = (slot, gap.count + 1),
            None => gaps.push(Gap { schedule, first: slot, last: slot, count: 1 }),
        }
    }
    gaps
}

/// Whether the batches of both are of one kind, as those of a fetcher that started anew are.
fn is_alike(one: &Schedule, other: &Schedule) -> bool {
    (&one.endpoint, &one.convert, one.every) == (&other.endpoint, &other.convert, other.every)
}

fn after(slot: Slot, schedule: &Schedule) -> Slot {
    Slot::at(timestamp::later(slot.starts_at(), schedule.every))
}

//! Which slots were due, which of them have a snapshot, and which are missing.

use chrono::{DateTime, Utc};
pub(in crate::commands) use domain::DueSlot as MissingSlot;
use domain::{BatchId, Schedule, Slot, begun_slots};
use ports::FetchedSlot;
use service::held_slots;

/// Slots that were due.
#[derive(Debug, Default)]
pub(in crate::commands) struct Due<'a> {
    pub(in crate::commands) count: u64,
    /// Those without a batch, oldest first.
    pub(in crate::commands) missing: Vec<MissingSlot<'a>>,
    /// Those without a batch that began, and whose snapshots may still come; oldest first. They are not counted.
    pub(in crate::commands) late: Vec<MissingSlot<'a>>,
    /// The batches of the others.
    pub(in crate::commands) batches: Vec<&'a BatchId>,
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
        MissingSlot { slot: self.last, schedule: self.schedule }.ends_at()
    }
}

/// Holds the slots of `schedules` that were due in a span against those that were `fetched`. Slots that may still be fetched, or
/// loaded, at `now` are not due yet; those of them that began are late.
pub(in crate::commands) fn find<'a>(
    schedules: &'a [Schedule],
    fetched: &'a [FetchedSlot],
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Due<'a> {
    let held = held_slots(fetched);
    let mut due = Due::default();
    for one in begun_slots(schedules, span, now) {
        let batch = held.of_schedule(one.schedule, one.slot);
        if !one.is_due(now) {
            due.late.extend(batch.is_none().then_some(one));
            continue;
        }
        due.count += 1;
        match batch {
            Some(batch) => due.batches.push(batch),
            None => due.missing.push(one),
        }
    }
    due.missing.sort_by_key(|missing| missing.slot);
    due.late.sort_by_key(|late| late.slot);
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

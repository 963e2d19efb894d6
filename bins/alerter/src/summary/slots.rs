//! How many snapshots were due in a span, and how many of them are there.

use chrono::{DateTime, Utc};
use domain::{Schedule, due_slots};
use ports::FetchedSlot;
use service::held_slots;

use crate::newest::is_of_snapshots;

/// Snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    /// `None` when no schedule is known.
    pub(crate) due: Option<u64>,
    /// Of those that were due; or else all.
    pub(crate) fetched: u64,
}

/// Holds the slots of `schedules` that were due in a span, by `now`, against those that are `held`.
pub(super) fn count(
    schedules: &[Schedule],
    held: &[FetchedSlot],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Slots {
    if schedules.is_empty() {
        let is_one = |one: &&FetchedSlot| is_of_snapshots(&one.endpoint) && one.slot.starts_at() < to;
        return Slots { due: None, fetched: held.iter().filter(is_one).count() as u64 };
    }
    let by_slot = held_slots(held);
    let (mut due, mut fetched) = (0, 0);
    for one in due_slots(schedules, (from, to), now) {
        due += 1;
        fetched += u64::from(by_slot.of_schedule(one.schedule, one.slot).is_some());
    }
    Slots { due: Some(due), fetched }
}

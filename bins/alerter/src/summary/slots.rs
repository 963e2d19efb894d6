//! How many snapshots were due in a span, and how many of them are there.

use chrono::{DateTime, Utc};
use domain::{Schedule, in_force};
use ports::FetchedSlot;

use crate::held_slots::held_slots;

/// Snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) due: u64,
    pub(crate) fetched: u64,
}

/// Holds the slots of `schedules` that were due in a span against those that were `fetched`, oldest first.
pub(super) fn count(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Slots {
    let held = held_slots(fetched);
    let mut slots = Slots::default();
    for one in in_force(schedules) {
        for slot in one.slots(from, to) {
            slots.due += 1;
            slots.fetched += u64::from(held.of_schedule(one.schedule, slot).is_some());
        }
    }
    slots
}

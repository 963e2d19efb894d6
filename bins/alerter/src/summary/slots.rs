//! How many snapshots were due in a span, and how many of them are there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::endpoint::HISTORY;
use domain::{Schedule, in_force, timestamp};
use ports::FetchedSlot;

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
    let mut known: HashMap<(&str, &[String]), Vec<DateTime<Utc>>> = HashMap::new();
    for one in fetched {
        known.entry((&one.endpoint, &one.convert)).or_default().push(one.slot.starts_at());
    }
    let mut slots = Slots::default();
    for one in in_force(schedules) {
        let schedule = one.schedule;
        for slot in one.slots(from, to) {
            let begins_at = slot.starts_at();
            let ends_at = timestamp::later(begins_at, schedule.every);
            // As for `coinpipe gaps`: what was taken within the slot, and what filled it later, stand for it.
            let is_within = |endpoint: &str| {
                let held = known.get(&(endpoint, schedule.convert.as_slice()));
                held.is_some_and(|held| {
                    let next = held.partition_point(|at| *at < begins_at);
                    held.get(next).is_some_and(|at| *at < ends_at)
                })
            };
            slots.due += 1;
            slots.fetched += u64::from(is_within(&schedule.endpoint) || is_within(HISTORY));
        }
    }
    slots
}

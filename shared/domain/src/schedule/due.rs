//! Which slots were due by some time. Everybody who tells of missing slots asks here, so that a mail, a summary, `coinpipe gaps` and the
//! end of an incident say the same.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{InForce, Schedule, in_force};
use crate::batch::BatchId;
use crate::slot::Slot;
use crate::timestamp;

/// A slot is fetched until the next one begins, and then has this time to be loaded.
pub const LOADED_WITHIN: Duration = Duration::from_mins(5);

/// A slot that began so long ago and has no snapshot is late. Nobody calls it missing before it is due, but it is named.
pub const LATE_AFTER: Duration = Duration::from_secs(30);

/// A slot in which a schedule was to take a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueSlot<'a> {
    /// The slot.
    pub slot: Slot,
    /// The schedule that was in force.
    pub schedule: &'a Schedule,
}

impl DueSlot<'_> {
    /// The batch that it should have.
    pub fn batch(&self) -> BatchId {
        BatchId::new(self.slot, &self.schedule.endpoint, &self.schedule.convert)
    }

    /// Where the slot after it begins.
    pub fn ends_at(&self) -> Slot {
        Slot::at(timestamp::later(self.slot.starts_at(), self.schedule.every))
    }

    /// Whether its snapshot had to be there by `now`; until then it may still be fetched, or loaded.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        timestamp::later(self.ends_at().starts_at(), LOADED_WITHIN) <= now
    }
}

/// The slots of `schedules` from `from` on and before `to`, due or not: those of each schedule together, oldest first.
pub fn scheduled_slots(
    schedules: &[Schedule],
    span: (DateTime<Utc>, DateTime<Utc>),
) -> impl Iterator<Item = DueSlot<'_>> {
    in_force(schedules).into_iter().flat_map(move |one| slots_of(one, span))
}

/// Those of them that were due by `now`. What may still be fetched then, or loaded, is not due yet.
pub fn due_slots(
    schedules: &[Schedule],
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> impl Iterator<Item = DueSlot<'_>> {
    in_force(schedules)
        .into_iter()
        .flat_map(move |one| slots_of(one, span).take_while(move |slot| slot.is_due(now)))
}

/// As [`due_slots`], and those that are late by `now` if they have no snapshot: [`DueSlot::is_due`] tells them apart.
pub fn begun_slots(
    schedules: &[Schedule],
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> impl Iterator<Item = DueSlot<'_>> {
    let has_begun = move |one: &DueSlot<'_>| timestamp::later(one.slot.starts_at(), LATE_AFTER) <= now;
    in_force(schedules)
        .into_iter()
        .flat_map(move |one| slots_of(one, span).take_while(move |slot| slot.is_due(now) || has_begun(slot)))
}

fn slots_of(
    one: InForce<'_>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> impl Iterator<Item = DueSlot<'_>> {
    one.slots(from, to).map(move |slot| DueSlot { slot, schedule: one.schedule })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    /// Two schedules, of which the second takes the place of the first; and what may still come.
    #[test]
    fn a_slot_is_due_when_it_could_be_loaded() {
        let schedule = |since: &str, minutes| Schedule {
            series: Schedule::QUOTES.to_owned(),
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            every: Duration::from_mins(minutes),
            coins: 100,
            since: at(since),
            simulated: false,
            confirmed_at: at(since),
        };
        let schedules = [schedule("2026-11-22T10:00:00Z", 60), schedule("2026-11-22T12:00:00Z", 30)];
        let span = (at("2026-11-22T09:00:00Z"), at("2026-11-22T14:00:00Z"));
        for (now, last, count) in [
            ("2026-11-22T11:04:59Z", None, 0),
            ("2026-11-22T11:05:00Z", Some("2026-11-22T10:00:00Z/listings/USD"), 1),
            ("2026-11-22T12:35:00Z", Some("2026-11-22T12:00:00Z/listings/USD"), 3),
            ("2026-11-23T00:00:00Z", Some("2026-11-22T13:30:00Z/listings/USD"), 6),
        ] {
            let due: Vec<_> = due_slots(&schedules, span, at(now)).collect();
            let newest = due.last().map(|due| due.batch().to_string());
            assert_eq!((newest.as_deref(), due.len()), (last, count), "{now}");
        }
        // What is late besides.
        for (now, late) in
            [("2026-11-22T11:00:29Z", 1), ("2026-11-22T11:00:30Z", 2), ("2026-11-22T11:05:00Z", 1)]
        {
            let begun = begun_slots(&schedules, span, at(now));
            assert_eq!(begun.filter(|one| !one.is_due(at(now))).count(), late, "{now}");
        }
    }
}

//! The schedule that is followed, as it passes from leader to leader: since when, which of its slots are accounted for, and
//! when the ledger was last told of it.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, HeldSlots, Schedule, Slot, in_force};
use serde::{Deserialize, Serialize};

use super::slots;
use crate::history::{MOST_FILLED, REACH, is_hour};
use crate::spool::Manifest;

/// The ledger is told again after so long: it may have lost what it was told, as a database that was restored has.
const TELL_AGAIN: TimeDelta = TimeDelta::hours(24);

/// Instants are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Followed {
    endpoint: String,
    convert: Vec<String>,
    every: u64,
    coins: u32,
    since: i64,
    /// The newest slot that was fetched, claimed, or told to be missing.
    seen: i64,
    /// Absent until the ledger was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_at: Option<i64>,
}

/// Slots that passed, and that nobody fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) first: Slot,
    pub(crate) last: Slot,
    pub(crate) count: u64,
    /// Those of them that the history may tell of, oldest first; of too many the newest.
    pub(crate) hours: VecDeque<Slot>,
    /// When the slot after the last begins.
    pub(crate) ends_at: DateTime<Utc>,
}

impl Followed {
    /// What `order` asks for, followed from `now` on. The slot of `now` is under way.
    pub(crate) fn new(order: &Manifest, every: Duration, now: DateTime<Utc>) -> Self {
        Self {
            endpoint: order.endpoint.clone(),
            convert: order.convert.clone(),
            every: every.as_secs(),
            coins: order.limit,
            since: now.timestamp(),
            seen: Slot::current(now, every).starts_at().timestamp(),
            told_at: None,
        }
    }

    /// Whether it is what `order` asks for, and has been for a while at `now`.
    pub(crate) fn is_still(&self, order: &Manifest, every: Duration, now: DateTime<Utc>) -> bool {
        self.is_about(order)
            && (self.every, self.coins) == (every.as_secs(), order.limit)
            // Otherwise the clock was wrong.
            && self.since <= now.timestamp()
    }

    /// Whether its batches are like that of `order`.
    pub(crate) fn is_about(&self, order: &Manifest) -> bool {
        (&self.endpoint, &self.convert) == (&order.endpoint, &order.convert)
    }

    /// The batch of a slot.
    pub(crate) fn batch(&self, slot: Slot) -> BatchId {
        BatchId::new(slot, &self.endpoint, &self.convert)
    }

    /// The currencies.
    pub(crate) fn convert(&self) -> &[String] {
        &self.convert
    }

    /// Notes among the slots that are `held` that there is a batch with this slot.
    pub(crate) fn note<'f>(&'f self, held: &mut HeldSlots<'f, ()>, slot: Slot) {
        held.add(&self.endpoint, &self.convert, slot, ());
    }

    /// When the first slot begins that is not accounted for.
    pub(crate) fn first_open(&self) -> Option<DateTime<Utc>> {
        let seen = Slot::at(DateTime::from_timestamp(self.seen, 0)?);
        Some(slots::end_of(seen, Duration::from_secs(self.every)))
    }

    /// From slot to slot.
    pub(crate) fn every(&self) -> Duration {
        Duration::from_secs(self.every)
    }

    /// The slots after those that are accounted for, and before `before`; but for those that are `held`.
    pub(crate) fn passed(&self, before: DateTime<Utc>, held: &HeldSlots<'_, ()>) -> Option<Passed> {
        let schedules = [self.schedule(false, before)];
        let due = in_force(&schedules).into_iter().next()?;
        let is_free = |slot: &Slot| held.of_schedule(due.schedule, *slot).is_none();
        let mut passed = due.slots(self.first_open()?, before).filter(is_free).peekable();
        let first = *passed.peek()?;
        let (mut last, mut count, mut hours) = (first, 0, VecDeque::new());
        for slot in passed {
            (last, count) = (slot, count + 1);
            if is_hour(&slot) && before - slot.starts_at() <= REACH {
                hours.push_back(slot);
                if hours.len() > MOST_FILLED {
                    hours.pop_front();
                }
            }
        }
        Some(Passed { first, last, count, hours, ends_at: slots::end_of(last, self.every()) })
    }

    /// `slot` is accounted for, and all before it.
    pub(crate) fn see(&mut self, slot: Slot) {
        self.seen = slot.starts_at().timestamp();
    }

    /// As the ledger is told of it at `now`.
    pub(crate) fn schedule(&self, simulated: bool, now: DateTime<Utc>) -> Schedule {
        Schedule {
            series: Schedule::QUOTES.to_owned(),
            endpoint: self.endpoint.clone(),
            convert: self.convert.clone(),
            every: Duration::from_secs(self.every),
            coins: self.coins,
            since: DateTime::from_timestamp(self.since, 0).unwrap_or(now),
            simulated,
            confirmed_at: now,
        }
    }

    /// Whether the ledger should be told, once more perhaps.
    pub(crate) fn is_to_be_told(&self, now: DateTime<Utc>) -> bool {
        let told_at = self.told_at.and_then(|at| DateTime::from_timestamp(at, 0));
        told_at.is_none_or(|at| !(TimeDelta::zero()..TELL_AGAIN).contains(&(now - at)))
    }

    /// The queue has `told`. `false` when that is another schedule.
    pub(crate) fn told(&mut self, told: &Schedule) -> bool {
        let is_it = told.id() == self.schedule(told.simulated, told.confirmed_at).id();
        if is_it {
            self.told_at = Some(told.confirmed_at.timestamp());
        }
        is_it
    }
}

#[cfg(test)]
mod tests {
    use domain::timestamp;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn followed() -> Followed {
        Followed {
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            every: 3600,
            coins: 100,
            since: at("2026-11-22T13:50:07Z").timestamp(),
            seen: at("2026-11-22T13:00:00Z").timestamp(),
            told_at: None,
        }
    }

    #[test]
    fn slots_that_passed_are_those_that_are_neither_seen_nor_known() {
        let check = |before: &str, known: &[&str], expected: Option<(&str, &str, u64)>| {
            let (followed, mut held) = (followed(), HeldSlots::default());
            for slot in known {
                followed.note(&mut held, Slot::at(at(slot)));
            }
            let passed = followed.passed(at(before), &held);
            assert_eq!(
                passed.as_ref().map(|one| one.hours.len() as u64),
                passed.as_ref().map(|one| one.count)
            );
            let passed = passed.map(|one| (one.first.to_string(), one.last.to_string(), one.count));
            let expected = expected.map(|(first, last, count)| (first.to_owned(), last.to_owned(), count));
            assert_eq!(passed, expected, "before {before}, {known:?}");
        };
        let (two, three, five) = ("2026-11-22T14:00:00Z", "2026-11-22T15:00:00Z", "2026-11-22T17:00:00Z");
        check(two, &[], None);
        check("2026-11-22T12:00:00Z", &[], None);
        check("2026-11-22T18:00:00Z", &[], Some((two, five, 4)));
        check(
            "2026-11-22T18:00:00Z",
            &["2026-11-22T14:23:11Z", "2026-11-22T16:00:00Z"],
            Some((three, five, 2)),
        );
        check(three, &[two], None);
    }

    #[test]
    fn the_history_may_tell_of_whole_hours_of_a_month() {
        let half = Followed { every: 1800, ..followed() };
        let passed = half.passed(at("2026-11-22T15:30:00Z"), &HeldSlots::default()).unwrap();
        assert_eq!((passed.count, passed.hours.len()), (3, 2));
        let passed = followed().passed(at("2027-11-22T14:00:00Z"), &HeldSlots::default()).unwrap();
        assert_eq!((passed.count, passed.hours.len()), (8760, 720));
        let never = Followed { every: 3600, seen: i64::MAX, ..followed() };
        assert_eq!(never.passed(at("2026-11-22T15:30:00Z"), &HeldSlots::default()), None);
    }

    #[test]
    fn it_is_told_at_first_and_once_a_day() {
        let mut followed = followed();
        let now = at("2026-11-22T14:00:00Z");
        assert!(followed.is_to_be_told(now));
        let told = followed.schedule(true, now);
        assert!(!followed.told(&Schedule { every: Duration::from_mins(1), ..told.clone() }));
        assert!(followed.told(&told) && !followed.is_to_be_told(now));
        assert!(!followed.is_to_be_told(at("2026-11-23T13:59:59Z")));
        assert!(followed.is_to_be_told(at("2026-11-23T14:00:00Z")));
        // The clock was wrong.
        assert!(followed.is_to_be_told(at("2026-11-22T13:59:59Z")));
    }
}

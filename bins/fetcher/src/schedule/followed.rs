//! The schedule that is followed, as it passes from leader to leader: since when, which of its slots are accounted for, and
//! when the ledger was last told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Schedule, Slot, in_force};
use serde::{Deserialize, Serialize};

use super::slots;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) first: Slot,
    pub(crate) last: Slot,
    pub(crate) count: u64,
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

    /// The slots after those that are accounted for, and before `before`; but for those in which one of `known` is.
    pub(crate) fn passed(&self, before: DateTime<Utc>, known: &[Slot]) -> Option<Passed> {
        let every = Duration::from_secs(self.every);
        let seen = Slot::at(DateTime::from_timestamp(self.seen, 0)?);
        let known: BTreeSet<_> = known.iter().map(|slot| Slot::current(slot.starts_at(), every)).collect();
        let schedules = [self.schedule(false, before)];
        let due = in_force(&schedules).into_iter().next()?;
        let mut passed = due.slots(slots::end_of(seen, every), before).filter(|slot| !known.contains(slot));
        let first = passed.next()?;
        let (last, count) = passed.fold((first, 1), |(_, count), slot| (slot, count + 1));
        Some(Passed { first, last, count, ends_at: slots::end_of(last, every) })
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
            let known: Vec<_> = known.iter().map(|slot| Slot::at(at(slot))).collect();
            let passed = followed().passed(at(before), &known);
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

//! The schedules that are followed: that of the listings, and one for each kind of the market that is fetched.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{MarketKind, Slot};

use super::slots;
use crate::subject::{Subject, interval};

/// A schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) subject: Subject,
    /// From one slot to the next.
    pub(crate) every: Duration,
    /// From the beginning of a slot to its fetch.
    pub(crate) offset: Duration,
}

/// The part of its interval after which what is not a snapshot is asked for at the latest.
const PART: u32 = 10;

/// All schedules in the order in which what is due at the same time is fetched: the listings first. These are fetched `offset` after the
/// beginning of a slot.
pub(crate) fn courses(fetch: &config::Fetch, market: &config::Market, offset: Duration) -> Vec<Course> {
    let listings = Course { subject: Subject::Listings, every: fetch.every, offset };
    let kinds = MarketKind::ALL.into_iter().filter_map(|kind| {
        let every = interval(market, kind)?;
        Some(Course { subject: Subject::Market(kind), every, offset: offset.min(every / PART) })
    });
    [listings].into_iter().chain(kinds).collect()
}

/// How often to look for slots, so that none of any schedule is missed.
pub(super) fn pace(courses: &[Course]) -> Duration {
    fn common(one: u64, other: u64) -> u64 {
        if other == 0 { one } else { common(other, one % other) }
    }
    let seconds = courses.iter().map(|course| course.every.as_secs()).fold(0, common);
    Duration::from_secs(seconds.max(1))
}

impl Course {
    /// The slot at `now`.
    pub(super) fn current(&self, now: DateTime<Utc>) -> Slot {
        Slot::current(now, self.every)
    }

    /// When the slot after `slot` begins.
    pub(super) fn end_of(&self, slot: Slot) -> DateTime<Utc> {
        slots::end_of(slot, self.every)
    }

    /// When a slot is next asked for after `now`.
    pub(super) fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let slot = self.current(now);
        let later = |at: DateTime<Utc>| domain::timestamp::later(at, self.offset);
        let asked_at = later(slot.starts_at());
        if asked_at > now { asked_at } else { later(self.end_of(slot)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    #[test]
    fn the_listings_come_first_and_what_is_off_has_no_schedule() {
        let defaults = config::Config::defaults();
        let none = courses(&defaults.fetch, &defaults.market, minutes(2));
        assert_eq!(none, [Course { subject: Subject::Listings, every: minutes(60), offset: minutes(2) }]);
        let cmc100 = config::Every::duration(minutes(5));
        let market = config::Market { cmc100, ..defaults.market };
        let two = courses(&defaults.fetch, &market, minutes(2));
        let subject = Subject::Market(MarketKind::Cmc100);
        let offset = Duration::from_secs(30);
        assert_eq!(two[1..], [Course { subject, every: minutes(5), offset }]);
        assert_eq!((pace(&none), pace(&two)), (minutes(60), minutes(5)));
    }

    #[test]
    fn the_bell_rings_for_slots_of_every_schedule() {
        let of = |every| Course { subject: Subject::Listings, every: minutes(every), offset: Duration::ZERO };
        assert_eq!(pace(&[of(60), of(90), of(1440)]), minutes(30));
        assert_eq!(pace(&[]), Duration::from_secs(1));
    }

    #[test]
    fn the_next_time_is_this_slots_when_that_is_yet_to_come() {
        let course = Course { subject: Subject::Listings, every: minutes(60), offset: minutes(3) };
        let at = |text| domain::timestamp::from_text(text).unwrap();
        for (now, next) in [
            ("2026-11-22T14:00:30Z", "2026-11-22T14:03:00Z"),
            ("2026-11-22T14:03:00Z", "2026-11-22T15:03:00Z"),
            ("2026-11-22T14:59:59Z", "2026-11-22T15:03:00Z"),
        ] {
            assert_eq!(course.next_after(at(now)), at(next), "{now}");
        }
    }
}

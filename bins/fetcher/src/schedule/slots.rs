//! Which slot is due. The bell only says that it may be time; which slot that is, and whether it still has to be
//! fetched, is decided by the clock and by what is done already.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Slot;

/// Gives out each slot once.
///
/// # Guarantees
/// - A slot that begins while the ticker runs is given out `offset` later. One that had begun before is given out at once: a
///   start is at no particular time.
/// - Slots that were missed, for whatever reason, coalesce to the newest.
/// - Set back, the clock passes slots that are done without giving them out again; set forward by mistake
///   and back again, it does not have to catch up with the future first.
#[derive(Debug)]
pub(crate) struct Ticker {
    every: Duration,
    offset: TimeDelta,
    since: DateTime<Utc>,
    done: VecDeque<Slot>,
}

impl Ticker {
    /// Slots that are remembered.
    const MOST_DONE: usize = 512;

    /// A schedule that is followed `since` then, on which `done` has been fetched before.
    pub(crate) fn new(
        every: Duration,
        offset: Duration,
        since: DateTime<Utc>,
        done: impl IntoIterator<Item = Slot>,
    ) -> Self {
        let offset = TimeDelta::from_std(offset).unwrap_or(TimeDelta::zero());
        let mut ticker = Self { every, offset, since, done: VecDeque::new() };
        done.into_iter().for_each(|slot| ticker.remember(slot));
        ticker
    }

    /// The slot to fetch at `now`, if any.
    pub(crate) fn due(&mut self, now: DateTime<Utc>) -> Option<Slot> {
        let slot = Slot::current(now, self.every);
        if self.covers(slot, now) || self.from(slot) > now {
            return None;
        }
        self.remember(slot);
        Some(slot)
    }

    /// When the next slot is given out, as seen at `now`, when none is.
    pub(crate) fn next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let slot = Slot::current(now, self.every);
        if self.covers(slot, now) {
            let next = end_of(slot, self.every);
            next.checked_add_signed(self.offset).unwrap_or(next)
        } else {
            self.from(slot)
        }
    }

    /// From when on `slot` is given out.
    fn from(&self, slot: Slot) -> DateTime<Utc> {
        let begin = slot.starts_at();
        if begin > self.since { begin.checked_add_signed(self.offset).unwrap_or(begin) } else { begin }
    }

    /// Whether `slot`, the one of `now`, is done: itself, or a snapshot taken within it. What is dated
    /// after `now` was made under a clock that went wrong and does not count.
    fn covers(&self, slot: Slot, now: DateTime<Utc>) -> bool {
        self.done.iter().any(|&done| slot <= done && done.starts_at() <= now)
    }

    fn remember(&mut self, slot: Slot) {
        if self.done.len() == Self::MOST_DONE {
            self.done.pop_front();
        }
        self.done.push_back(slot);
    }
}

/// When the slot after `slot` begins.
pub(crate) fn end_of(slot: Slot, every: Duration) -> DateTime<Utc> {
    let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
    slot.starts_at().checked_add_signed(every).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use domain::timestamp;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn instant(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn slot(text: &str) -> Slot {
        Slot::at(instant(text))
    }

    /// Each line: the time that the clock shows, and the slot that is then given out.
    fn check(done: &[&str], ticks: &[(&str, Option<&str>)]) {
        let since = instant(ticks[0].0);
        let mut ticker = Ticker::new(HOUR, Duration::ZERO, since, done.iter().map(|text| slot(text)));
        for (now, expected) in ticks {
            assert_eq!(ticker.due(instant(now)), expected.map(slot), "at {now}");
        }
    }

    #[test]
    fn each_slot_is_given_out_once_and_the_first_at_once() {
        check(
            &[],
            &[
                ("2026-11-22T14:30:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-22T14:59:59.999Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
                ("2026-11-22T15:00:00Z", None),
            ],
        );
    }

    #[test]
    fn a_slot_that_was_done_before_the_start_is_not_done_again() {
        let next = ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z"));
        check(&["2026-11-22T14:00:00Z"], &[("2026-11-22T14:30:00Z", None), next]);
        // A snapshot by hand within the slot.
        check(&["2026-11-22T14:23:11Z"], &[("2026-11-22T14:30:00Z", None), next]);
        // An old one.
        check(
            &["2026-11-22T13:59:59Z"],
            &[("2026-11-22T14:30:00Z", Some("2026-11-22T14:00:00Z")), ("2026-11-22T14:31:00Z", None)],
        );
    }

    #[test]
    fn slots_that_begin_later_are_given_out_at_their_offset_and_the_first_at_once() {
        let since = instant("2026-11-22T14:00:30Z");
        let mut ticker = Ticker::new(HOUR, Duration::from_secs(100), since, []);
        assert_eq!(ticker.due(since), Some(slot("2026-11-22T14:00:00Z")));
        assert_eq!(ticker.next(since), instant("2026-11-22T15:01:40Z"));
        assert_eq!(ticker.due(instant("2026-11-22T15:00:00Z")), None);
        assert_eq!(ticker.next(instant("2026-11-22T15:00:00Z")), instant("2026-11-22T15:01:40Z"));
        assert_eq!(ticker.due(instant("2026-11-22T15:01:39.999Z")), None);
        assert_eq!(ticker.due(instant("2026-11-22T15:01:40Z")), Some(slot("2026-11-22T15:00:00Z")));
        assert_eq!(ticker.next(instant("2026-11-22T15:01:40Z")), instant("2026-11-22T16:01:40Z"));
        // Set back within the slot, the clock gives nothing out again.
        assert_eq!(ticker.due(instant("2026-11-22T15:00:10Z")), None);
    }

    #[test]
    fn missed_slots_coalesce_to_the_newest() {
        check(
            &["2026-11-22T14:00:00Z"],
            &[("2026-11-25T09:10:00Z", Some("2026-11-25T09:00:00Z")), ("2026-11-25T09:11:00Z", None)],
        );
    }

    #[test]
    fn a_clock_set_back_an_hour_pays_for_nothing_twice() {
        check(
            &[],
            &[
                ("2026-11-22T13:10:00Z", Some("2026-11-22T13:00:00Z")),
                ("2026-11-22T14:10:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-22T13:10:00Z", None),
                ("2026-11-22T14:10:00Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
            ],
        );
    }

    #[test]
    fn a_clock_set_forward_a_day_and_back_does_not_stop_the_schedule() {
        check(
            &[],
            &[
                ("2026-11-22T14:10:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-23T14:20:00Z", Some("2026-11-23T14:00:00Z")),
                ("2026-11-22T14:30:00Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
                ("2026-11-23T14:40:00Z", None),
            ],
        );
    }

    #[test]
    fn summer_time_and_the_ends_of_the_calendar_are_slots_like_others() {
        // Clocks in Europe go from 03:00 back to 02:00 local time at 01:00 UTC.
        check(
            &[],
            &[
                ("2026-10-25T00:59:59Z", Some("2026-10-25T00:00:00Z")),
                ("2026-10-25T01:00:00Z", Some("2026-10-25T01:00:00Z")),
                ("2026-10-25T02:00:00Z", Some("2026-10-25T02:00:00Z")),
            ],
        );
        let mut ticker = Ticker::new(Duration::MAX, Duration::ZERO, DateTime::UNIX_EPOCH, []);
        let far = DateTime::<Utc>::MAX_UTC;
        assert!(ticker.due(far).is_some());
        assert_eq!(end_of(Slot::at(far), HOUR), far);
    }
}

//! Which of several schedules is in force when, and which slots are due then.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Schedule;
use crate::slot::Slot;

/// A schedule, and when another of its series took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce<'a> {
    /// The schedule.
    pub schedule: &'a Schedule,
    /// When the next one came into force; `None` while there is no later one.
    pub until: Option<DateTime<Utc>>,
}

/// Until when each of `schedules`, in any order, is in force. Of one series, those that begin at the same second are in force
/// together.
pub fn in_force(schedules: &[Schedule]) -> Vec<InForce<'_>> {
    let until = |schedule: &Schedule| {
        let later = schedules.iter().filter(|other| other.series == schedule.series);
        later.map(|other| other.since).filter(|since| *since > schedule.since).min()
    };
    schedules.iter().map(|schedule| InForce { schedule, until: until(schedule) }).collect()
}

impl InForce<'_> {
    /// The slots from `from` on and before `to` that are due while it is in force, oldest first.
    pub fn slots(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = Slot> + use<> {
        let every = self.schedule.every;
        let begin = from.max(self.schedule.since);
        let end = self.until.map_or(to, |until| until.min(to));
        let floor = Slot::current(begin, every);
        let first = if floor.starts_at() < begin { after(floor, every) } else { Some(floor) };
        std::iter::successors(first, move |slot| after(*slot, every))
            .take_while(move |slot| slot.starts_at() < end)
    }
}

fn after(slot: Slot, every: Duration) -> Option<Slot> {
    slot.starts_at().checked_add_signed(TimeDelta::from_std(every).ok()?).map(Slot::at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp;

    fn at(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn schedule(since: &str, minutes: u64) -> Schedule {
        Schedule {
            series: Schedule::QUOTES.to_owned(),
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            every: Duration::from_mins(minutes),
            coins: 100,
            since: at(since),
            simulated: false,
            confirmed_at: at(since),
        }
    }

    fn due(schedules: &[Schedule], from: &str, to: &str) -> Vec<String> {
        let slots = in_force(schedules).into_iter().flat_map(|one| one.slots(at(from), at(to)));
        let mut slots: Vec<_> = slots.map(|slot| slot.to_string()).collect();
        slots.sort_unstable();
        slots
    }

    #[test]
    fn each_schedule_is_followed_from_its_beginning_until_the_next_one() {
        let hourly = schedule("2026-11-22T10:00:00Z", 60);
        let half = schedule("2026-11-22T11:10:00Z", 30);
        for schedules in [[hourly.clone(), half.clone()], [half, hourly]] {
            assert_eq!(
                due(&schedules, "2026-11-22T00:00:00Z", "2026-11-22T12:30:00Z"),
                [
                    "2026-11-22T10:00:00Z",
                    "2026-11-22T11:00:00Z",
                    "2026-11-22T11:30:00Z",
                    "2026-11-22T12:00:00Z"
                ]
            );
            assert_eq!(due(&schedules, "2026-11-22T10:00:01Z", "2026-11-22T11:00:00Z"), [""; 0]);
        }
    }

    #[test]
    fn a_schedule_that_began_within_a_slot_begins_with_the_next() {
        let schedules = [schedule("2026-11-22T10:00:01Z", 60)];
        assert_eq!(due(&schedules, "2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z"), ["2026-11-22T11:00:00Z"]);
    }

    #[test]
    fn series_do_not_end_each_other_and_absurd_times_do_not_panic() {
        let other = Schedule { series: "map".to_owned(), ..schedule("2026-11-22T10:30:00Z", 60) };
        let schedules = [schedule("2026-11-22T10:00:00Z", 60), other];
        let all = due(&schedules, "2026-11-22T10:00:00Z", "2026-11-22T11:30:00Z");
        assert_eq!(all, ["2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T11:00:00Z"]);
        let long = Schedule { every: Duration::MAX, ..schedule("2026-11-22T10:00:00Z", 1) };
        assert!(in_force(&[long])[0].slots(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).count() <= 1);
    }
}

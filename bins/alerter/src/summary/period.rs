//! The weeks and days that are summed up. A week begins on a Monday; both begin at midnight, UTC.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use config::Summary;

/// A whole week or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    first: NaiveDate,
    days: u64,
}

impl Period {
    /// The last one that is over at `now`; `None` when there are none.
    pub(super) fn last(every: Summary, now: DateTime<Utc>) -> Option<Self> {
        let today = now.date_naive();
        let (end, days) = match every {
            Summary::Off => return None,
            Summary::Daily => (today, 1),
            Summary::Weekly => {
                (today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))?, 7)
            }
        };
        Some(Self { first: end.checked_sub_days(Days::new(days))?, days })
    }

    /// From when on, and before when.
    pub(super) fn span(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let end = self.first.checked_add_days(Days::new(self.days)).unwrap_or(NaiveDate::MAX);
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        (midnight(self.first), midnight(end))
    }

    /// `week-2026-11-16`.
    pub(super) fn name(self) -> String {
        format!("{}-{}", if self.days == 1 { "day" } else { "week" }, self.first)
    }

    /// `the week from 2026-11-16`.
    pub(crate) fn words(self) -> String {
        if self.days == 1 { self.first.to_string() } else { format!("the week from {}", self.first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_week_or_day_is_summed_up() {
        for (every, now, name, end) in [
            (Summary::Weekly, "2026-11-22T23:59:59Z", "week-2026-11-09", "2026-11-16T00:00:00Z"),
            (Summary::Weekly, "2026-11-23T00:00:00Z", "week-2026-11-16", "2026-11-23T00:00:00Z"),
            (Summary::Weekly, "2026-11-29T12:00:00Z", "week-2026-11-16", "2026-11-23T00:00:00Z"),
            (Summary::Daily, "2026-11-22T23:59:59Z", "day-2026-11-21", "2026-11-22T00:00:00Z"),
            (Summary::Daily, "2026-11-23T00:00:00Z", "day-2026-11-22", "2026-11-23T00:00:00Z"),
        ] {
            let period = Period::last(every, now.parse().unwrap()).unwrap();
            assert_eq!((period.name().as_str(), period.span().1), (name, end.parse().unwrap()), "{now}");
        }
        assert_eq!(Period::last(Summary::Off, DateTime::UNIX_EPOCH), None);
    }
}

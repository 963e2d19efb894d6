//! What has been used of a plan.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// What has been used in the current UTC minute, day and month.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) minute: i64,
    pub(super) calls: u32,
    pub(super) anonymous_calls: u32,
    pub(super) day: NaiveDate,
    pub(super) day_credits: u64,
    pub(super) month: NaiveDate,
    pub(super) month_credits: u64,
}

impl Usage {
    /// Starts every period over that `now` is no longer in.
    pub(super) fn turn(&mut self, now: DateTime<Utc>) {
        let minute = now.timestamp().div_euclid(60);
        let day = now.date_naive();
        let month = first_of_month(day);
        if self.minute != minute {
            (self.minute, self.calls, self.anonymous_calls) = (minute, 0, 0);
        }
        if self.day != day {
            (self.day, self.day_credits) = (day, 0);
        }
        if self.month != month {
            (self.month, self.month_credits) = (month, 0);
        }
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

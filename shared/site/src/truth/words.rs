//! Times and numbers of the pipeline in words.

use chrono::{DateTime, TimeDelta, Utc};
pub(crate) use domain::counted;

/// How long something lasts, in one unit: `3 minutes`.
pub(crate) fn lasting(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0).unsigned_abs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(number, unit)
}

/// An instant as people say it: the time of day, with the day when it is not that of `now`.
pub(crate) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at.date_naive() == now.date_naive() { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_says_how_long() {
        for (seconds, words) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (200, "3 minutes"),
            (7_199, "119 minutes"),
            (90_000, "25 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(lasting(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn the_day_is_said_when_it_is_another() {
        let now = domain::timestamp::from_text("2026-11-22T14:03:00Z").unwrap();
        assert_eq!(clock(now - TimeDelta::minutes(3), now), "14:00 UTC");
        assert_eq!(clock(now - TimeDelta::days(1), now), "2026-11-21 14:03 UTC");
    }
}

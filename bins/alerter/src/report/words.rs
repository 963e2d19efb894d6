//! Numbers, ages and instants in words.

use chrono::{DateTime, TimeDelta, Utc};
pub(crate) use domain::{count, counted};

/// `42 s`, `5 min`, `3 h 20 min`, `26 h`, `2 d 5 h`; what is negative, as a clock that was set back shows it, is `0 s`.
pub(crate) fn lasting(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |one: i64, unit: &str, rest: i64, smaller: &str| {
        if rest == 0 { format!("{one} {unit}") } else { format!("{one} {unit} {rest} {smaller}") }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..172_800 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// `2026-11-22 14:00 UTC`; with seconds where they are not 0.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    let form = if at.timestamp() % 60 == 0 { "%Y-%m-%d %H:%M UTC" } else { "%Y-%m-%d %H:%M:%S UTC" };
    at.format(form).to_string()
}

/// `2026-11-22 14:00 to 15:00 UTC`, or both with their days.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let (begin, end) = (instant(from), instant(to));
    let is_one_day = from.date_naive() == to.date_naive();
    let end = end.split_once(' ').filter(|_| is_one_day).map_or(end.as_str(), |(_, time)| time);
    format!("{} to {end}", begin.trim_end_matches(" UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        let counts = [0, 999, 1000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "coin"), counted(5000, "coin")], ["1 coin", "5,000 coins"]);
        let times = [-5, 0, 59, 60, 3599, 3600, 12_000, 86_400, 190_000];
        let times = times.map(|seconds| lasting(TimeDelta::seconds(seconds)));
        let told = ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "3 h 20 min", "24 h", "2 d 4 h"];
        assert_eq!(times, told);
        let at = domain::timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        assert_eq!(instant(at), "2026-11-22 14:00 UTC");
        assert_eq!(span(at, at + TimeDelta::hours(9)), "2026-11-22 14:00 to 23:00 UTC");
        assert_eq!(span(at, at + TimeDelta::hours(10)), "2026-11-22 14:00 to 2026-11-23 00:00 UTC");
        assert_eq!(instant(at + TimeDelta::milliseconds(5100)), "2026-11-22 14:00:05 UTC");
    }
}

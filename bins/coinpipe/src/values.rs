//! How values are typed on the command line: instants, durations, assignments.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::timestamp;

/// `2026-11-22T14:00:00Z`, or `2026-11-22` for its first moment in UTC.
pub(crate) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    timestamp::from_text(text).or_else(day).ok_or_else(|| {
        "write an instant such as 2026-11-22T14:00:00Z, or a day such as 2026-11-22".to_owned()
    })
}

/// `24h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a duration such as 24h or 7d".to_owned())
}

/// As [`duration`], and longer than none: a span of no time has nothing in it.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("that is no time at all; write a duration such as 24h or 7d".to_owned()),
        time => Ok(time),
    }
}

/// `LEFT=RIGHT`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("write it as LEFT=RIGHT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_described_and_others_are_refused() {
        assert_eq!(instant("2026-11-22").unwrap(), instant("2026-11-22T00:00:00Z").unwrap());
        assert_eq!(duration("7d").unwrap(), Duration::from_hours(168));
        assert_eq!(some_time("1ms").unwrap(), Duration::from_millis(1));
        assert!(["0s", "0d", "0"].iter().all(|none| some_time(none).unwrap_err().contains("no time at all")));
        assert!(some_time("soon").unwrap_err().contains("such as 24h"));
        assert_eq!(assignment("a=b=c").unwrap(), ("a=b".to_owned(), "c".to_owned()));
        assert!(instant("yesterday").is_err() && duration("a day or so").is_err());
        assert!(assignment("=b").is_err() && assignment("a=").is_err() && assignment("a").is_err());
    }
}

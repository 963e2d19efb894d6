//! Instants, and the one text form that they have: RFC 3339 in UTC with exactly three decimals and a `Z`.
//!
//! The fixed width makes text order equal time order, which the SQLite tables rely on.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

/// Writes `at` as `2026-11-22T14:00:00.000Z`; what is below a millisecond is cut off.
pub fn to_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads any RFC 3339 instant, and cuts it to whole milliseconds.
pub fn from_text(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| to_millis(at.with_timezone(&Utc)))
}

/// `at` cut to whole milliseconds, the precision of every stored instant.
pub fn to_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(3)
}

/// `duration` after `at`; the end of time when there is no such instant.
pub fn later(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_fixed_width_and_survives_a_round_trip() {
        for (given, written) in [
            ("2026-06-19T14:02:00.000Z", "2026-06-19T14:02:00.000Z"),
            ("2026-06-19T14:02:00Z", "2026-06-19T14:02:00.000Z"),
            ("2026-06-19T16:02:00.123987+02:00", "2026-06-19T14:02:00.123Z"),
        ] {
            assert_eq!(to_text(from_text(given).unwrap()), written);
        }
        assert_eq!(from_text("yesterday"), None);
    }

    #[test]
    fn no_duration_is_too_long() {
        assert_eq!(later(DateTime::UNIX_EPOCH, Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }
}

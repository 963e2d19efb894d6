//! Slots: the moments at which snapshots are due.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment at which a snapshot is due: a whole multiple of the schedule's interval since the Unix epoch.
///
/// Two schedulers, or a retry, compute the same slot, so they produce the same ids and their work merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(DateTime<Utc>);

impl Slot {
    /// The newest slot at or before `now` for a schedule that runs every `interval` (at least one second;
    /// fractions of a second are ignored).
    pub fn current(now: DateTime<Utc>, interval: Duration) -> Self {
        let step = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let seconds = now.timestamp().div_euclid(step).saturating_mul(step);
        Self(DateTime::from_timestamp(seconds, 0).unwrap_or(now))
    }

    /// The slot that begins at `at`.
    pub fn at(at: DateTime<Utc>) -> Self {
        Self(at)
    }

    /// When the slot begins.
    pub fn starts_at(self) -> DateTime<Utc> {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp;

    #[test]
    fn slots_before_1970_and_absurd_intervals_do_not_panic() {
        let early = timestamp::from_text("1969-12-31T23:30:00Z").unwrap();
        assert_eq!(Slot::current(early, Duration::from_hours(1)).to_string(), "1969-12-31T23:00:00Z");
        let _ = Slot::current(early, Duration::ZERO);
        let _ = Slot::current(early, Duration::MAX);
    }
}

//! Keeping calls of a minute free: who fills gaps by hand beside a running fetcher asks with the same key, and the minute's limit is
//! for both. What a snapshot needs is left to it, so that it never waits for what is not urgent.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::progress::{ProgressObserver, Step};

const MINUTE: i64 = 60;

/// How many calls a minute are taken. Minutes are those of the API: they begin with the UTC minute.
#[derive(Debug)]
pub(crate) struct Pace {
    most: u64,
    /// The newest minute, since 1970, and the calls in it.
    taken: Mutex<(i64, u64)>,
}

impl Pace {
    /// Of the `limit` of a minute all but what a snapshot takes, which is so many `calls`; half of it where that is more, and one at least.
    pub(crate) fn beside(limit: u64, calls: u64) -> Self {
        Self { most: limit.saturating_sub(calls).max(limit / 2).max(1), taken: Mutex::default() }
    }

    /// Waits until another call may be made. `false` when asked to `stop` before.
    pub(super) async fn take(
        &self,
        clock: &dyn Clock,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> bool {
        while let Some(until) = self.try_take(clock.now()) {
            let reason = "the rest of this minute's calls is left to snapshots";
            observer.step(Step::Waiting { until, reason, next: None });
            let left = (until - clock.now()).to_std().unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => return false,
                () = clock.sleep(left) => {}
            }
        }
        true
    }

    /// Counts a call at `now`; when none is left, when the next minute begins.
    fn try_take(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let minute = now.timestamp().div_euclid(MINUTE);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins anew: the API counts, too.
        if taken.0 != minute {
            *taken = (minute, 0);
        }
        if taken.1 < self.most {
            taken.1 += 1;
            return None;
        }
        let next = DateTime::from_timestamp((minute + 1) * MINUTE, 0);
        Some(next.unwrap_or(now + TimeDelta::seconds(MINUTE)))
    }
}

#[cfg(test)]
mod tests {
    use domain::timestamp::from_text;

    use super::*;

    #[test]
    fn what_a_snapshot_needs_is_left_and_half_of_the_minute_at_most() {
        for (limit, calls, most) in [(30, 1, 29), (30, 25, 15), (3, 1, 2), (1, 1, 1), (0, 5, 1)] {
            assert_eq!(Pace::beside(limit, calls).most, most, "{limit} {calls}");
        }
    }

    #[test]
    fn each_minute_has_its_calls() {
        let pace = Pace::beside(3, 1);
        let at = |text| from_text(text).unwrap();
        let next = Some(at("2026-11-22T14:01:00Z"));
        for (now, until) in [
            ("2026-11-22T14:00:01Z", None),
            ("2026-11-22T14:00:02Z", None),
            ("2026-11-22T14:00:59.999Z", next),
            ("2026-11-22T14:01:00Z", None),
            ("2026-11-22T14:00:30Z", None),
        ] {
            assert_eq!(pace.try_take(at(now)), until, "{now}");
        }
    }
}

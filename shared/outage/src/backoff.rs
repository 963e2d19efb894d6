//! How long to wait while something is away.

use std::time::Duration;

/// How waits grow from one failure to the next, and how far they are spread, so that many callers do not come back in step.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// The first wait.
    pub first: Duration,
    /// The factor from each wait to the next.
    pub factor: u32,
    /// The longest wait.
    pub longest: Duration,
    /// The smallest part of a wait that jitter leaves, from 0 to 1.
    pub least_part: f64,
}

impl Growth {
    /// Waits that double from `first` to `longest`, without jitter.
    pub const fn doubling(first: Duration, longest: Duration) -> Self {
        Self { first, factor: 2, longest, least_part: 1.0 }
    }

    /// The wait after `failures` in a row, counted from 1; `chance` is a random number from 0 to 1.
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let part = self.least_part + chance.clamp(0.0, 1.0) * (1.0 - self.least_part);
        self.whole_wait(failures).mul_f64(part)
    }

    /// The same without jitter.
    pub fn whole_wait(&self, failures: u32) -> Duration {
        let times = self.factor.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(times).min(self.longest)
    }
}

/// Waits that triple from 100 ms to 14 s, each shortened at random by up to a twentieth, so that workers which lost the
/// same server do not come back in step.
///
/// Two promises bound the longest wait: an outage of ten minutes costs a process at most 60 calls, and the process works
/// again within 15 s after it.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(14);
    const LEAST_PART: f64 = 0.95;
    const GROWTH: Growth =
        Growth { first: Self::FIRST, factor: 3, longest: Self::LONGEST, least_part: Self::LEAST_PART };

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Self::GROWTH.wait(self.failures, fastrand::f64())
    }

    /// Whether nothing failed since the last success.
    pub fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// Starts again from the first wait, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_limit_and_never_reaches_zero() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            let wait = backoff.next_wait();
            assert!((Backoff::FIRST / 2..=Backoff::LONGEST).contains(&wait), "{wait:?}");
        }
        assert!(backoff.next_wait() >= Backoff::LONGEST.mul_f64(Backoff::LEAST_PART));
        backoff.reset();
        assert!(backoff.next_wait() <= Backoff::FIRST);
    }

    #[test]
    fn ten_minutes_are_few_waits_and_none_is_long() {
        for _ in 0..100 {
            let mut backoff = Backoff::default();
            let mut waits = 0;
            let mut passed = Duration::ZERO;
            while passed < Duration::from_mins(10) {
                let wait = backoff.next_wait();
                assert!(wait <= Duration::from_secs(14), "{wait:?}");
                passed += wait;
                waits += 1;
            }
            assert!(waits <= 52, "{waits} waits");
        }
    }
}

//! How long to wait while something is away.

use std::time::Duration;

/// Waits that triple from 100 ms to 14 s, each cut at random by up to a twentieth, so that workers which lost the
/// same server do not come back in step.
///
/// The longest is what two promises leave room for: ten minutes of an outage cost a process no more than 60 calls,
/// and it is back at work within 15 s after.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const GROWTH: u32 = 3;
    const LONGEST: Duration = Duration::from_secs(14);
    const LEAST_PART: f64 = 0.95;

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let grown = Self::FIRST.saturating_mul(Self::GROWTH.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let part = Self::LEAST_PART + fastrand::f64() * (1.0 - Self::LEAST_PART);
        grown.min(Self::LONGEST).mul_f64(part)
    }

    /// Whether nothing failed since the last success.
    pub fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// Begins anew after a success.
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

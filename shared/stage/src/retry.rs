//! Retry policy as data: how long to wait before which attempt, and how to back off while something is away.

use std::time::Duration;

/// When a message that failed is tried again, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Waits before the second, third, … attempt; the last one repeats. Never empty.
    pub delays: Vec<Duration>,
    /// Attempts in all before the dead letters, at least 1.
    pub attempts: u32,
}

impl RetryPolicy {
    /// How long to wait after `attempt` (from 1) failed; `None` when it was the last.
    pub fn delay_after(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.delays.get(index).or(self.delays.last()).copied()
    }

    /// How long a message waits that goes back because something else is away.
    pub fn outage_delay(&self) -> Duration {
        self.delays.first().copied().unwrap_or(Duration::from_secs(10))
    }
}

/// Waits that triple from 100 ms to 13.5 s, each cut at random by up to a twelfth, so that workers which lost the
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
    const LONGEST: Duration = Duration::from_millis(13_500);
    const LEAST_PART: f64 = 11.0 / 12.0;

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let grown = Self::FIRST.saturating_mul(Self::GROWTH.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let part = Self::LEAST_PART + fastrand::f64() * (1.0 - Self::LEAST_PART);
        grown.min(Self::LONGEST).mul_f64(part)
    }

    /// Whether nothing failed since the last success: the moment to log what follows.
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
    fn delays_follow_the_list_and_end_with_the_attempts() {
        let seconds = Duration::from_secs;
        let policy = RetryPolicy { delays: vec![seconds(10), seconds(60)], attempts: 4 };
        let waits: Vec<_> = (1..=5).map(|attempt| policy.delay_after(attempt)).collect();
        assert_eq!(waits, [Some(seconds(10)), Some(seconds(60)), Some(seconds(60)), None, None]);
    }

    #[test]
    fn backoff_grows_to_its_limit_and_never_reaches_zero() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            let wait = backoff.next_wait();
            assert!((Backoff::FIRST / 2..=Backoff::LONGEST).contains(&wait), "{wait:?}");
        }
        assert!(backoff.next_wait() >= Backoff::LONGEST / 2);
        backoff.reset();
        assert!(backoff.next_wait() <= Backoff::FIRST);
    }
}

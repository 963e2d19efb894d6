//! Retry policy as data: how long to wait before which attempt.

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
}

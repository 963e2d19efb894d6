//! Clocks that a test moves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;
use tokio::sync::watch;

/// A clock that goes as tokio's time goes, which a test may pause: then it jumps from one sleeper to the next.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    started: tokio::time::Instant,
}

impl Default for TokioClock {
    /// Shows 2026-11-22 14:00 UTC now.
    fn default() -> Self {
        Self { started: tokio::time::Instant::now() }
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        ManualClock::default().now() + to_delta(self.started.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until a test moves it. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<watch::Sender<DateTime<Utc>>>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { now: Arc::new(watch::Sender::new(start)) }
    }

    /// Moves the clock forward and wakes every sleeper whose time has come.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += to_delta(by));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, to: DateTime<Utc>) {
        self.now.send_replace(to);
    }
}

impl Default for ManualClock {
    /// A clock that shows 2026-11-22 14:00 UTC.
    fn default() -> Self {
        Self::starting_at(DateTime::from_timestamp(1_795_356_000, 0).expect("a valid constant"))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let due = self.now() + to_delta(duration);
        let mut now = self.now.subscribe();
        // The sender lives in self, so the channel cannot close while we wait.
        let _ = now.wait_for(|now| *now >= due).await;
    }
}

fn to_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_reaches_its_time_and_not_before() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_rfc3339(), "2026-11-22T14:00:00+00:00");
        let sleeper = clock.clone();
        let mut sleep = std::pin::pin!(sleeper.sleep(Duration::from_secs(10)));
        assert!(poll_once(sleep.as_mut()).await.is_pending());
        clock.advance(Duration::from_secs(9));
        assert!(poll_once(sleep.as_mut()).await.is_pending());
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await
    }
}

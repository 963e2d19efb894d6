//! Time as a parameter, so that tests decide what time it is and never sleep.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now. May step backwards when an operator or NTP sets the machine's clock.
    fn now(&self) -> DateTime<Utc>;

    /// Returns once `duration` has passed on this clock. Cancel-safe.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

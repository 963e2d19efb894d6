//! Clocks for tests of the fetcher: one that waiting moves, and one that a test moves whenever everybody waits for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::Clock;
use testkit::clock::ManualClock;

use super::until;
use crate::busy::is_busy;

/// A clock on which sleeping moves the time instead of taking any.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeapingClock(pub(crate) ManualClock);

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// A clock that knows who sleeps on it.
#[derive(Clone, Default, Debug)]
pub(crate) struct WatchedClock {
    pub(crate) inner: ManualClock,
    sleepers: Arc<Mutex<BTreeMap<u64, DateTime<Utc>>>>,
    next: Arc<AtomicU64>,
}

impl WatchedClock {
    /// Whether somebody sleeps, nobody should be awake, and nobody waits for a disk or a server.
    fn is_quiet(&self) -> bool {
        let sleepers = self.sleepers.lock().unwrap();
        !is_busy() && !sleepers.is_empty() && sleepers.values().all(|due| *due > self.inner.now())
    }

    /// Lets `seconds` pass, or fewer when `is_enough`; how many.
    pub(crate) async fn pass(&self, seconds: u64, mut is_enough: impl FnMut() -> bool) -> u64 {
        for passed in 0..seconds {
            let mut enough = false;
            // Twice in a row: who was woken without the clock has run in between.
            let mut quiet = 0;
            until("everybody waits", || {
                enough = is_enough();
                quiet = if self.is_quiet() { quiet + 1 } else { 0 };
                enough || quiet == 2
            })
            .await;
            if enough {
                return passed;
            }
            self.inner.advance(Duration::from_secs(1));
        }
        seconds
    }
}

/// Takes a sleeper off the list, also when it is woken otherwise.
struct Asleep<'a>(&'a WatchedClock, u64);

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.sleepers.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
impl Clock for WatchedClock {
    fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }

    async fn sleep(&self, duration: Duration) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.now() + chrono::TimeDelta::from_std(duration).unwrap();
        self.sleepers.lock().unwrap().insert(number, due);
        let _asleep = Asleep(self, number);
        self.inner.sleep(duration).await;
    }
}

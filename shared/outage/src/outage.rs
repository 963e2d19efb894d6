//! How one loop behaves in an outage: how long it waits before the next try, whether it probes first, and when it logs.
//!
//! Only completed work ends an outage. A store that says it is ready, a read that works or a message that could be requeued
//! prove nothing, because none of these is what failed.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, Growth};

/// The outages of one loop, one after the other.
pub struct Outage {
    clock: Arc<dyn Clock>,
    backoff: Backoff,
    began_at: Option<DateTime<Utc>>,
    /// The store said that it is ready, and nothing failed since.
    said_ready: bool,
    /// The store said that it is ready, and then the work failed.
    answer_was_wrong: bool,
    told: [Option<Told>; 2],
}

/// What may be away. Each is logged separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// What messages come from and go to.
    Queue,
    /// What the work itself needs.
    Store,
}

/// When it was last logged, and how often it was.
struct Told {
    at: DateTime<Utc>,
    times: u32,
}

/// What there is to log about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It begins.
    Begins,
    /// It lasts, for so long now.
    Lasts(TimeDelta),
    /// It was logged a while ago.
    Old,
}

impl Outage {
    /// The waits between log lines about one outage.
    const DISTANCES: Growth = Growth::doubling(Duration::from_mins(5), Duration::from_hours(1));

    /// No outage so far.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            backoff: Backoff::default(),
            began_at: None,
            said_ready: false,
            answer_was_wrong: false,
            told: [None, None],
        }
    }

    /// Whether something failed, and no work was completed since.
    pub fn is_on(&self) -> bool {
        self.began_at.is_some()
    }

    /// Records a failure.
    pub fn failed(&mut self, resource: Resource) -> News {
        let now = self.clock.now();
        self.answer_was_wrong |= std::mem::take(&mut self.said_ready) && resource == Resource::Store;
        let began_at = *self.began_at.get_or_insert(now);
        let told = &mut self.told[resource as usize];
        match told {
            None => {
                *told = Some(Told { at: now, times: 1 });
                News::Begins
            }
            // A clock that was set back is no reason to be silent.
            Some(told) if is_at_least((now - told.at).abs(), Self::DISTANCES.whole_wait(told.times)) => {
                *told = Told { at: now, times: told.times.saturating_add(1) };
                News::Lasts(now - began_at)
            }
            Some(_) => News::Old,
        }
    }

    /// How long to wait before the next try, or before asking.
    pub fn next_wait(&mut self) -> Duration {
        self.backoff.next_wait()
    }

    /// Whether to ask the store before the next try. Not when its answer was wrong before: then only a try can tell.
    pub fn is_worth_asking(&self) -> bool {
        !self.answer_was_wrong
    }

    /// Records that the store was asked, and said that it is ready.
    pub fn asked(&mut self) {
        self.said_ready = true;
    }

    /// Records completed work, which ends the outage. Returns how long it lasted, if there was one.
    pub fn worked(&mut self) -> Option<TimeDelta> {
        let began_at = self.began_at?;
        let lasted = self.clock.now() - began_at;
        *self = Self::new(Arc::clone(&self.clock));
        Some(lasted)
    }
}

/// Does a `round` of work that needs the store `every` so often, until `stop`. After a round that failed, the next comes after
/// a growing wait, and `tell` logs the error when it is news.
pub async fn rounds<T, E, R: Future<Output = Result<T, E>>>(
    clock: &Arc<dyn Clock>,
    every: Duration,
    stop: &CancellationToken,
    round: impl Fn() -> R,
    tell: impl Fn(&E),
) {
    let mut outage = Outage::new(Arc::clone(clock));
    while !stop.is_cancelled() {
        let pause = match round().await {
            Ok(_) => {
                outage.worked();
                every
            }
            Err(error) => {
                if outage.failed(Resource::Store) != News::Old {
                    tell(&error);
                }
                outage.next_wait()
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(pause) => {}
        }
    }
}

fn is_at_least(passed: TimeDelta, wait: Duration) -> bool {
    passed.to_std().is_ok_and(|passed| passed >= wait)
}

#[cfg(test)]
mod tests {
    use testkit::clock::ManualClock;

    use super::*;

    #[test]
    fn it_is_told_of_when_it_begins_then_rarely_and_when_work_was_done() {
        let clock = ManualClock::default();
        let mut outage = Outage::new(Arc::new(clock.clone()));
        assert_eq!(outage.worked(), None);
        let mut told = Vec::new();
        for minute in 0..200 {
            for _ in 0..5 {
                if outage.failed(Resource::Store) != News::Old {
                    told.push(minute);
                }
            }
            clock.advance(Duration::from_mins(1));
        }
        assert_eq!(told, [0, 5, 15, 35, 75, 135, 195]);
        assert_eq!(outage.failed(Resource::Queue), News::Begins);
        assert_eq!(outage.worked(), Some(TimeDelta::minutes(200)));
        assert!(!outage.is_on());
        assert_eq!(outage.failed(Resource::Store), News::Begins);
    }

    #[test]
    fn only_work_makes_waits_short_again_and_asking_worth_it() {
        let mut outage = Outage::new(Arc::new(ManualClock::default()));
        for _ in 0..10 {
            outage.failed(Resource::Store);
            outage.next_wait();
            outage.asked();
        }
        assert!(!outage.is_worth_asking());
        assert!(outage.next_wait() > Duration::from_secs(12));
        outage.worked();
        assert!(outage.is_worth_asking());
        assert!(outage.next_wait() < Duration::from_secs(1));
    }
}

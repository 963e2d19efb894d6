//! What was found a moment ago and is told again, so that many who look cost the store no more than one.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;
use tokio::sync::Mutex;

/// How long an answer is given again: ages are written in minutes, and quotes come each minute at most. With one second, visitors who
/// ask for five views 20 times a second cost twice as much (decision 33).
pub(crate) const MOMENT: TimeDelta = TimeDelta::seconds(5);

/// What was found last.
#[derive(Debug)]
pub(crate) struct Lately<T, E = Infallible> {
    /// How often it was looked for: whoever waits knows by it whether somebody found it meanwhile.
    looked: AtomicU64,
    /// The newest, and when it was found. Who looks for it holds the lock.
    last: Mutex<Option<Last<T, E>>>,
}

/// When something was found, and what.
type Last<T, E> = (DateTime<Utc>, Result<T, E>);

impl<T, E> Default for Lately<T, E> {
    fn default() -> Self {
        Self { looked: AtomicU64::default(), last: Mutex::default() }
    }
}

impl<T: Clone, E: Clone> Lately<T, E> {
    /// What was found by `clock` no longer ago than it is `kept`, or else what `find` finds. Those who ask at once wait for one answer and are given it,
    /// also when it is an error: one after the other would find out about a store that does not answer longer than their connections last.
    pub(crate) async fn or_find(
        &self,
        clock: &dyn Clock,
        kept: impl Fn(&T) -> TimeDelta,
        find: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let looked = self.looked.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        let was_found_meanwhile = self.looked.load(Ordering::Acquire) != looked;
        if let Some((at, found)) = &*last {
            let age = clock.now() - *at;
            let is_new = found.as_ref().is_ok_and(|found| (TimeDelta::zero()..kept(found)).contains(&age));
            if was_found_meanwhile || is_new {
                return found.clone();
            }
        }
        let found = find.await;
        *last = Some((clock.now(), found.clone()));
        self.looked.fetch_add(1, Ordering::Release);
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn what_was_found_is_told_again_until_its_time_is_over() {
        let (lately, clock) = (Lately::default(), ManualClock::default());
        let ask = async |answer: Result<i64, &'static str>| {
            lately.or_find(&clock, |&seconds| TimeDelta::seconds(seconds), async { answer }).await
        };
        assert_eq!(ask(Err("away")).await, Err("away"));
        assert_eq!(ask(Ok(5)).await, Ok(5), "trouble is not kept");
        clock.advance(Duration::from_secs(4));
        assert_eq!(ask(Ok(2)).await, Ok(5));
        clock.advance(Duration::from_secs(1));
        assert_eq!(ask(Ok(3)).await, Ok(3));
        clock.advance(Duration::from_secs(3));
        assert_eq!(ask(Err("away")).await, Err("away"));
    }

    #[tokio::test]
    async fn who_waits_is_given_what_was_found_meanwhile_also_trouble() {
        let (lately, clock) = (Lately::default(), ManualClock::default());
        let ask = async |answer: Result<u32, &'static str>| {
            let find = async {
                tokio::task::yield_now().await;
                answer
            };
            lately.or_find(&clock, |_| TimeDelta::zero(), find).await
        };
        let found = tokio::join!(ask(Err("away")), ask(Ok(1)), ask(Ok(2)));
        assert_eq!(found, (Err("away"), Err("away"), Err("away")));
        assert_eq!(ask(Ok(3)).await, Ok(3));
    }
}

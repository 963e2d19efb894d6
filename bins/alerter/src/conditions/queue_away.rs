//! The queue cannot be reached, as the alerter sees it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::timestamp;
use ports::{Queue, QueueName, StoreError};

use super::watched::Watched;
use super::{Condition, Finding, Look};

/// A restart of the broker is over by then.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

pub(super) struct QueueAway {
    queue: Arc<dyn Queue>,
    watched: Mutex<Option<Watched>>,
}

impl QueueAway {
    pub(super) fn new(queue: Arc<dyn Queue>) -> Self {
        Self { queue, watched: Mutex::default() }
    }

    fn note(&self, is_away: bool, now: DateTime<Utc>) -> Option<Watched> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        *watched = is_away.then(|| watched.map_or_else(|| Watched::begin(now), |before| before.go_on(now)));
        *watched
    }
}

#[async_trait]
impl Condition for QueueAway {
    fn code(&self) -> &'static str {
        "queue_away"
    }

    fn end(&self) -> &'static str {
        "the queue is back"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let failure = self.queue.depth(QueueName::Dead).await.err();
        let watched = self.note(failure.is_some(), now);
        let (Some(failure), Some(watched)) = (failure, watched) else { return Ok(Look::Fine) };
        if watched.time() < PATIENCE {
            return Ok(Look::Unsure);
        }
        let since = timestamp::to_text(watched.since());
        Ok(Look::Wrong(Finding {
            occasion: since.clone(),
            reason: format!(
                "the queue has not answered the alerter since {since} ({failure}): nothing gets from stage to stage until it is back; \
                 what is fetched meanwhile waits in the fetcher's spool"
            ),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ports::Clock;
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryQueue;

    use super::*;

    #[tokio::test]
    async fn a_broker_that_restarts_is_no_incident_and_one_that_stays_away_is() {
        let clock = Arc::new(ManualClock::default());
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let away = QueueAway::new(queue.clone());
        let look = async || {
            clock.advance(Duration::from_secs(15));
            away.look(clock.now()).await.unwrap()
        };
        assert_eq!(look().await, Look::Fine);
        queue.set_available(false);
        for _ in 0..4 {
            assert_eq!(look().await, Look::Unsure);
        }
        let Look::Wrong(Finding { occasion, reason }) = look().await else { panic!("it is away") };
        assert_eq!(occasion, "2026-11-22T14:00:30.000Z");
        assert!(reason.contains("waits in the fetcher's spool"), "{reason}");
        queue.set_available(true);
        assert_eq!(look().await, Look::Fine);
        // A machine that slept did not see it away all the time.
        queue.set_available(false);
        assert_eq!(look().await, Look::Unsure);
        clock.advance(Duration::from_hours(8));
        assert_eq!(look().await, Look::Unsure);
    }
}

//! A queue in which messages wait and that nothing leaves: nobody consumes it, or who does settles nothing. A process may be alive
//! and answer, and do no work all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::timestamp;
use ports::{Depth, Queue, QueueName, StoreError};

use super::watched::Watched;
use super::{Condition, Finding, Look};

pub(super) struct StuckQueue {
    queue: Arc<dyn Queue>,
    name: QueueName,
    after: TimeDelta,
    seen: Mutex<Option<(Depth, Watched)>>,
}

impl StuckQueue {
    /// Tells of `name` when nothing has left it for the time `after`, while something waits.
    pub(super) fn new(queue: Arc<dyn Queue>, name: QueueName, after: Duration) -> Self {
        let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        Self { queue, name, after, seen: Mutex::default() }
    }

    /// How long nothing has left the queue; `None` when something did, or nothing waits.
    fn note(&self, depth: Depth, now: DateTime<Utc>) -> Option<Watched> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // What waits for its next attempt is not due.
        if depth.ready + depth.unsettled == 0 {
            *seen = None;
            return None;
        }
        let (watched, still) = match *seen {
            Some((before, _)) if has_moved(before, depth) => (Watched::begin(now), None),
            Some((_, watched)) => (watched.go_on(now), Some(watched.go_on(now))),
            None => (Watched::begin(now), Some(Watched::begin(now))),
        };
        *seen = Some((depth, watched));
        still
    }
}

/// Whether something left a queue between two looks, as far as they tell. What came meanwhile may hide it, but hardly in each of many
/// looks in a row.
fn has_moved(before: Depth, after: Depth) -> bool {
    after.total() < before.total()
        || after.delayed > before.delayed
        || matches!((before.oldest_at, after.oldest_at), (Some(before), Some(after)) if after > before)
}

#[async_trait]
impl Condition for StuckQueue {
    fn code(&self) -> &'static str {
        match self.name {
            QueueName::Raw => "raw_stuck",
            QueueName::Rows => "rows_stuck",
            QueueName::Dead => "dead_stuck",
        }
    }

    fn end(&self) -> &'static str {
        "messages leave the queue again"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        // That the queue is away is a condition of its own.
        let Ok(depth) = self.queue.depth(self.name).await else { return Ok(Look::Unsure) };
        let Some(watched) = self.note(depth, now) else { return Ok(Look::Fine) };
        if watched.time() < self.after {
            return Ok(Look::Unsure);
        }
        let (name, consumer, waiting) = (self.name, self.name.consumer(), depth.ready + depth.unsettled);
        let since = timestamp::to_text(watched.since());
        Ok(Look::Wrong(Finding {
            occasion: since.clone(),
            reason: format!(
                "nothing has left the queue {name} since {since}, and messages wait in it: {waiting}; is a {consumer} running, and does \
                 it reach what it needs? `coinpipe status` shows the queues, and the log of the {consumer} what it waits for \
                 [alert.stuck_after]"
            ),
        }))
    }
}

#[cfg(test)]
mod tests;

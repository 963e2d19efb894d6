//! Consuming: wait until there is something, then take a lease on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, MessageId, timestamp};
use ports::{Consumer, Delivery, QueueError, QueueName};
use sqlx::SqliteConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::warn;

use super::file::QueueFile;
use super::lease::Lease;
use super::renewal::renew_if_due;
use super::table::{self, Candidate, LeaseKey};
use crate::database::Work;
use crate::error::Error;

/// How often to look for what other processes published.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(super) struct SqliteConsumer {
    queue: Arc<QueueFile>,
    from: QueueName,
    /// One for each delivery that may be unsettled.
    permits: Arc<Semaphore>,
    /// Claimed with the one that was asked for.
    claimed: VecDeque<Delivery>,
}

impl SqliteConsumer {
    pub(super) fn new(queue: Arc<QueueFile>, from: QueueName, prefetch: u16) -> Self {
        let permits = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        Self { queue, from, permits, claimed: VecDeque::new() }
    }

    /// Waits until there may be something to take.
    async fn wait(&self) -> Result<(), Error> {
        let QueueFile { database, clock, .. } = &*self.queue;
        loop {
            // Subscribe before the query, so that a message that is published during the query is not missed.
            let mut wake = std::pin::pin!(self.queue.wakes(self.from).notified());
            wake.as_mut().enable();
            let due = table::next_due(database.readers(), self.from).await;
            let due = due.map_err(|error| database.blame(error))?;
            let now = clock.now();
            if due.is_some_and(|due| due <= now.timestamp_millis()) {
                return Ok(());
            }
            tokio::select! {
                () = wake => (),
                () = tokio::time::sleep(POLL_INTERVAL) => (),
                () = clock.sleep(until(due, now)), if due.is_some() => (),
            }
        }
    }
}

/// How long from `now` to the instant `due`, in milliseconds since 1970.
fn until(due: Option<i64>, now: DateTime<Utc>) -> Duration {
    let due = due.and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC);
    (due - now).to_std().unwrap_or_default()
}

#[async_trait]
impl Consumer for SqliteConsumer {
    async fn next(&mut self) -> Result<Delivery, QueueError> {
        loop {
            if let Some(delivery) = self.claimed.pop_front() {
                return Ok(delivery);
            }
            let first = Arc::clone(&self.permits).acquire_owned().await.map_err(QueueError::unavailable)?;
            self.wait().await?;
            let others = std::iter::from_fn(|| Arc::clone(&self.permits).try_acquire_owned().ok());
            let permits = std::iter::once(first).chain(others).collect();
            // On a task of its own: when the caller stops waiting, the claim still ends, and the task drops the
            // deliveries, which requeues them.
            let (answer, answered) = oneshot::channel();
            let claim = claim(Arc::clone(&self.queue), self.from, permits);
            self.queue.tasks.spawn(async move { drop(answer.send(claim.await)) });
            self.claimed = answered.await.map_err(QueueError::unavailable)??;
        }
    }
}

/// Takes leases on the next messages, one for each of `permits` at most; on none when someone else was faster.
async fn claim(
    queue: Arc<QueueFile>,
    from: QueueName,
    permits: Vec<OwnedSemaphorePermit>,
) -> Result<VecDeque<Delivery>, Error> {
    let Claimed { messages, dead_lettered, renewed_at } =
        queue.database.write(&Claim { queue: &queue, from, limit: permits.len() }).await?;
    if let Some(now) = renewed_at {
        queue.held().set_renewed(now);
    }
    for id in &dead_lettered {
        warn!(%id, queue = %from, "a message went to the dead letters: each of its holders died");
        queue.wake(QueueName::Dead);
    }
    let delivery = |((key, candidate), permit): ((LeaseKey, Candidate), _)| {
        let lease = Lease::hold(Arc::clone(&queue), from, key, permit);
        Delivery::new(candidate.message, candidate.deliveries + 1, Box::new(lease))
    };
    Ok(messages.into_iter().zip(permits).map(delivery).collect())
}

struct Claim<'q> {
    queue: &'q QueueFile,
    from: QueueName,
    limit: usize,
}

struct Claimed {
    messages: Vec<(LeaseKey, Candidate)>,
    /// Messages that became dead letters, because their holders died too often.
    dead_lettered: Vec<MessageId>,
    /// When what this process holds was renewed, if that was due.
    renewed_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl Work for Claim<'_> {
    type Output = Claimed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Claimed, Error> {
        let Self { queue, from, limit } = *self;
        let now = queue.clock.now();
        let is_renewed = renew_if_due(queue, connection, now).await?;
        let renewed_at = is_renewed.then_some(now);
        let mut claimed = Claimed { messages: Vec::new(), dead_lettered: Vec::new(), renewed_at };
        for candidate in table::candidates(connection, from, now, limit).await? {
            let Candidate { seq, message, expired, deliveries } = &candidate;
            if *expired && from.is_past_limit(*deliveries, queue.options.delivery_limit) {
                let letter =
                    DeadLetter::delivery_limit(message, from.consumer(), *deliveries, now).into_message();
                table::dead_letter(connection, *seq, None, &letter, now).await?;
                claimed.dead_lettered.push(candidate.message.id);
            } else {
                let key = table::lease(connection, *seq, timestamp::later(now, queue.options.lease)).await?;
                claimed.messages.push((key, candidate));
            }
        }
        Ok(claimed)
    }
}

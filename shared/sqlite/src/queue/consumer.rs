//! Consuming: wait until there is something, then take a lease on it.

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
use crate::error::Error;

/// How often to look for what other processes published.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(super) struct SqliteConsumer {
    queue: Arc<QueueFile>,
    from: QueueName,
    /// One for each delivery that may be unsettled.
    permits: Arc<Semaphore>,
}

impl SqliteConsumer {
    pub(super) fn new(queue: Arc<QueueFile>, from: QueueName, prefetch: u16) -> Self {
        Self { queue, from, permits: Arc::new(Semaphore::new(usize::from(prefetch.max(1)))) }
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
        let mut permit = Arc::clone(&self.permits).acquire_owned().await.map_err(QueueError::unavailable)?;
        loop {
            self.wait().await?;
            // On a task of its own: when the caller stops waiting, the claim still ends, and the task drops the
            // delivery, which requeues it.
            let (answer, answered) = oneshot::channel();
            let claim = claim(Arc::clone(&self.queue), self.from, permit);
            self.queue.tasks.spawn(async move { drop(answer.send(claim.await)) });
            permit = match answered.await.map_err(QueueError::unavailable)?? {
                Claim::Taken(delivery) => return Ok(delivery),
                Claim::Nothing(permit) => permit,
            };
        }
    }
}

enum Claim {
    Taken(Delivery),
    /// Someone else was faster.
    Nothing(OwnedSemaphorePermit),
}

/// Takes a lease on the next message.
async fn claim(queue: Arc<QueueFile>, from: QueueName, permit: OwnedSemaphorePermit) -> Result<Claim, Error> {
    let mut transaction = queue.database.begin().await?;
    let taken = take(&queue, &mut transaction, from).await;
    let Taken { message, dead_lettered } = taken.map_err(|error| queue.database.blame(error))?;
    queue.database.commit(transaction).await?;
    for id in &dead_lettered {
        warn!(%id, queue = %from, "a message went to the dead letters: each of its holders died");
        queue.wake(QueueName::Dead);
    }
    let Some((key, candidate)) = message else { return Ok(Claim::Nothing(permit)) };
    let lease = Lease::hold(Arc::clone(&queue), from, key, permit);
    Ok(Claim::Taken(Delivery::new(candidate.message, candidate.deliveries + 1, Box::new(lease))))
}

struct Taken {
    message: Option<(LeaseKey, Candidate)>,
    /// Messages that became dead letters, because their holders died too often.
    dead_lettered: Vec<MessageId>,
}

async fn take(queue: &QueueFile, connection: &mut SqliteConnection, from: QueueName) -> Result<Taken, Error> {
    let now = queue.clock.now();
    renew_if_due(queue, connection, now).await?;
    let mut dead_lettered = Vec::new();
    while let Some(candidate) = table::candidate(connection, from, now).await? {
        let Candidate { seq, message, expired, deliveries } = &candidate;
        if *expired && from.is_past_limit(*deliveries, queue.options.delivery_limit) {
            let letter =
                DeadLetter::delivery_limit(message, from.consumer(), *deliveries, now).into_message();
            table::dead_letter(connection, *seq, None, &letter, now).await?;
            dead_lettered.push(candidate.message.id);
        } else {
            let key = table::lease(connection, *seq, timestamp::later(now, queue.options.lease)).await?;
            return Ok(Taken { message: Some((key, candidate)), dead_lettered });
        }
    }
    Ok(Taken { message: None, dead_lettered })
}

//! A delivery is a lease on a row: settled, requeued when it is dropped, or expired.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use domain::timestamp::later;
use ports::{QueueError, QueueName, Receipt, Settlement};
use sqlx::SqliteConnection;
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::file::QueueFile;
use super::table::{self, LeaseKey};
use crate::error::Error;

/// A delivery that is held: its lease is renewed until it is dropped, and it is requeued when it was not settled.
pub(super) struct Lease {
    queue: Arc<QueueFile>,
    from: QueueName,
    key: LeaseKey,
    /// The consumer's, until the message is settled or requeued.
    permit: Option<OwnedSemaphorePermit>,
    is_settled: bool,
}

impl Lease {
    /// Holds the lease `key`, which was just taken.
    pub(super) fn hold(
        queue: Arc<QueueFile>,
        from: QueueName,
        key: LeaseKey,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        queue.held().insert(key);
        Self { queue, from, key, permit: Some(permit), is_settled: false }
    }
}

#[async_trait]
impl Receipt for Lease {
    async fn settle(mut self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        let is_ours = settle(&self.queue, self.from, self.key, message, settlement).await?;
        self.is_settled = true;
        if is_ours { Ok(()) } else { Err(QueueError::Lost) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.queue.held().remove(self.key);
        if self.is_settled {
            return;
        }
        let (queue, from, key, permit) = (Arc::clone(&self.queue), self.from, self.key, self.permit.take());
        let requeueing = async move {
            if let Err(error) = requeue(&queue, key).await {
                warn!(%error, queue = %from, "cannot give a message back; it is delivered again after its lease");
            }
            drop(permit);
            queue.wake(from);
        };
        self.queue.tasks.spawn_on(requeueing, &self.queue.runtime);
    }
}

/// `false`: the lease was lost.
async fn settle(
    queue: &QueueFile,
    from: QueueName,
    key: LeaseKey,
    message: Message,
    settlement: Settlement,
) -> Result<bool, Error> {
    let wakes = match settlement {
        Settlement::Done => None,
        Settlement::RetryAfter { .. } => Some(from),
        Settlement::DeadLetter(_) => Some(QueueName::Dead),
    };
    let mut transaction = queue.database.begin().await?;
    let settled = settle_in(&mut transaction, key, message, settlement, queue.clock.now()).await;
    let settled = settled.map_err(|error| queue.database.blame(error))?;
    queue.database.commit(transaction).await?;
    if let Some(name) = wakes {
        queue.wake(name);
    }
    Ok(settled)
}

async fn settle_in(
    connection: &mut SqliteConnection,
    key: LeaseKey,
    message: Message,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    match settlement {
        Settlement::Done => table::delete(connection, key).await,
        Settlement::RetryAfter { delay, attempt } => {
            let headers = message.retried(attempt, now).headers;
            table::retry(connection, key, &headers, later(now, delay)).await
        }
        Settlement::DeadLetter(letter) if letter.body == message.body => {
            table::dead_letter(connection, key.seq, Some(key.claims), &letter.into_message(), now).await
        }
        Settlement::DeadLetter(letter) => {
            let is_ours = table::delete(connection, key).await?;
            if is_ours {
                table::insert(connection, QueueName::Dead, &letter.into_message(), now).await?;
            }
            Ok(is_ours)
        }
    }
}

async fn requeue(queue: &QueueFile, key: LeaseKey) -> Result<(), Error> {
    let mut transaction = queue.database.begin().await?;
    let requeued = table::requeue(&mut transaction, key).await;
    requeued.map_err(|error| queue.database.blame(error))?;
    queue.database.commit(transaction).await
}

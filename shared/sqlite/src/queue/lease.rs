//! A delivery is a lease on a row: settled, requeued when it is dropped, or expired.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;
use domain::{Headers, Message};
use ports::{QueueError, QueueName, Receipt, Settlement};
use sqlx::SqliteConnection;
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::file::QueueFile;
use super::table::{self, LeaseKey};
use crate::database::Work;
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
    let now = queue.clock.now();
    let (end, wakes) = match settlement {
        Settlement::Done => (End::Deleted, None),
        Settlement::RetryAfter { delay, attempt } => {
            let headers = message.retried(attempt, now).headers;
            (End::Retried { headers, available_at: later(now, delay) }, Some(from))
        }
        Settlement::DeadLetter(letter) if letter.body == message.body => {
            (End::Moved { letter: letter.into_message(), now }, Some(QueueName::Dead))
        }
        Settlement::DeadLetter(letter) => {
            (End::Replaced { letter: letter.into_message(), now }, Some(QueueName::Dead))
        }
    };
    let settled = queue.database.write(&Settle { key, end }).await?;
    if let Some(name) = wakes {
        queue.wake(name);
    }
    Ok(settled)
}

async fn requeue(queue: &QueueFile, key: LeaseKey) -> Result<(), Error> {
    queue.database.write(&Settle { key, end: End::Requeued }).await?;
    Ok(())
}

/// Ending a lease; `false` when it was lost.
struct Settle {
    key: LeaseKey,
    end: End,
}

/// What becomes of its message.
enum End {
    Deleted,
    Requeued,
    Retried { headers: Headers, available_at: DateTime<Utc> },
    Moved { letter: Message, now: DateTime<Utc> },
    Replaced { letter: Message, now: DateTime<Utc> },
}

#[async_trait]
impl Work for Settle {
    type Output = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, Error> {
        let key = self.key;
        match &self.end {
            End::Deleted => table::delete(connection, key).await,
            End::Requeued => table::requeue(connection, key).await,
            End::Retried { headers, available_at } => {
                table::retry(connection, key, headers, *available_at).await
            }
            End::Moved { letter, now } => {
                table::dead_letter(connection, key.seq, Some(key.claims), letter, *now).await
            }
            End::Replaced { letter, now } => {
                let is_ours = table::delete(connection, key).await?;
                if is_ours {
                    table::insert(connection, QueueName::Dead, letter, *now).await?;
                }
                Ok(is_ours)
            }
        }
    }
}

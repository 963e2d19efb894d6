//! Leases: how they are renewed while a delivery is held, and how a delivery ends.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use domain::timestamp::later;
use ports::{QueueError, QueueName, Receipt, Settlement};
use sqlx::SqliteConnection;
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::table::LeaseKey;
use super::{Inner, table};
use crate::error::Error;

/// The leases that this process holds.
pub(super) struct Held {
    keys: BTreeSet<LeaseKey>,
    renewed_at: DateTime<Utc>,
}

impl Held {
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        Self { keys: BTreeSet::new(), renewed_at: now }
    }

    /// When they were last renewed.
    pub fn renewed_at(&self) -> DateTime<Utc> {
        self.renewed_at
    }
}

/// Renews three times per lease, so that one late or failed renewal costs nothing.
pub(super) fn renewal_interval(lease: Duration) -> Duration {
    lease / 3
}

/// Renews the leases of a queue for as long as it is there, the first time one interval after `since`.
pub(super) async fn renew_for_ever(queue: Weak<Inner>, mut since: DateTime<Utc>) {
    let mut is_failing = false;
    while let Some((clock, lease)) = queue.upgrade().map(|inner| (inner.clock.clone(), inner.options.lease)) {
        // What the last renewal took is part of the interval.
        let spent = (clock.now() - since).to_std().unwrap_or_default();
        clock.sleep(renewal_interval(lease).saturating_sub(spent)).await;
        let Some(inner) = queue.upgrade() else { return };
        since = clock.now();
        match inner.renew_now(since).await {
            Err(error) if !is_failing => {
                warn!(%error, "cannot renew leases; messages in work may be delivered again");
                is_failing = true;
            }
            Err(_) => (),
            Ok(()) => is_failing = false,
        }
    }
}

impl Inner {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew_now(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if self.held().keys.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        let renewed = self.renew_held(&mut transaction, now).await;
        renewed.map_err(|error| self.database.blame(error))?;
        self.database.commit(transaction).await
    }

    /// Renews what this process holds, unless that was just done. Claims call it too: after a jump of the
    /// clock they must not take from this process what it is still working on.
    pub(super) async fn renew_if_due(
        &self,
        connection: &mut SqliteConnection,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let renewed_at = self.held().renewed_at();
        let next = later(renewed_at, renewal_interval(self.options.lease));
        // A clock that was set back makes the last renewal look like one in the future.
        if (renewed_at..next).contains(&now) { Ok(()) } else { self.renew_held(connection, now).await }
    }

    async fn renew_held(&self, connection: &mut SqliteConnection, now: DateTime<Utc>) -> Result<(), Error> {
        let keys: Vec<LeaseKey> = self.held().keys.iter().copied().collect();
        for key in keys {
            table::renew(connection, key, later(now, self.options.lease)).await?;
        }
        self.held().renewed_at = now;
        Ok(())
    }

    /// `false`: the lease was lost.
    async fn settle(
        &self,
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
        let mut transaction = self.database.begin().await?;
        let settled = settle_in(&mut transaction, key, message, settlement, self.clock.now()).await;
        let settled = settled.map_err(|error| self.database.blame(error))?;
        self.database.commit(transaction).await?;
        if let Some(queue) = wakes {
            self.wake(queue);
        }
        Ok(settled)
    }

    async fn give_back(&self, key: LeaseKey) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        let given = table::give_back(&mut transaction, key).await;
        given.map_err(|error| self.database.blame(error))?;
        self.database.commit(transaction).await
    }
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
            table::put_back(connection, key, &headers, later(now, delay)).await
        }
        Settlement::DeadLetter(letter) if letter.body == message.body => {
            table::bury(connection, key.seq, Some(key.claims), &letter.into_message(), now).await
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

/// A delivery that is held: renewed until it is dropped, and given back when it was not settled.
pub(super) struct Lease {
    queue: Arc<Inner>,
    from: QueueName,
    key: LeaseKey,
    /// The consumer's; back when the message is off its hands.
    permit: Option<OwnedSemaphorePermit>,
    is_over: bool,
}

impl Lease {
    /// Holds the lease `key`, which was just taken.
    pub fn hold(queue: Arc<Inner>, from: QueueName, key: LeaseKey, permit: OwnedSemaphorePermit) -> Self {
        queue.held().keys.insert(key);
        Self { queue, from, key, permit: Some(permit), is_over: false }
    }
}

#[async_trait]
impl Receipt for Lease {
    async fn settle(mut self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        let settled = self.queue.settle(self.from, self.key, message, settlement).await?;
        self.is_over = true;
        if settled { Ok(()) } else { Err(QueueError::Lost) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.queue.held().keys.remove(&self.key);
        if self.is_over {
            return;
        }
        let (queue, from, key, permit) = (Arc::clone(&self.queue), self.from, self.key, self.permit.take());
        let give_back = async move {
            if let Err(error) = queue.give_back(key).await {
                warn!(%error, queue = %from, "cannot give a message back; it is delivered again after its lease");
            }
            drop(permit);
            queue.wake(from);
        };
        self.queue.tasks.spawn_on(give_back, &self.queue.runtime);
    }
}

//! Renewing the leases of a process for as long as it holds them.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp::later;
use sqlx::SqliteConnection;
use tracing::warn;

use super::file::QueueFile;
use super::table;
use crate::database::Work;
use crate::error::Error;

/// Three times per lease, so that one late or failed renewal costs nothing.
pub(super) fn renewal_interval(lease: Duration) -> Duration {
    lease / 3
}

/// Renews the leases of a queue for as long as it is there, the first time one interval after `since`.
pub(super) async fn renew_for_ever(queue: Weak<QueueFile>, mut since: DateTime<Utc>) {
    let mut is_failing = false;
    while let Some((clock, lease)) = queue.upgrade().map(|queue| (queue.clock.clone(), queue.options.lease)) {
        // The time that the last renewal took is part of the interval.
        let spent = (clock.now() - since).to_std().unwrap_or_default();
        clock.sleep(renewal_interval(lease).saturating_sub(spent)).await;
        let Some(queue) = queue.upgrade() else { return };
        since = clock.now();
        match renew_now(&queue, since).await {
            Err(error) if !is_failing => {
                warn!(%error, "cannot renew leases; messages in work may be delivered again");
                is_failing = true;
            }
            Err(_) => (),
            Ok(()) => is_failing = false,
        }
    }
}

async fn renew_now(queue: &QueueFile, now: DateTime<Utc>) -> Result<(), Error> {
    if queue.held().is_empty() {
        return Ok(());
    }
    queue.database.write(&Renewal { queue, now }).await?;
    queue.held().set_renewed(now);
    Ok(())
}

/// Renewing what this process holds.
struct Renewal<'q> {
    queue: &'q QueueFile,
    now: DateTime<Utc>,
}

#[async_trait]
impl Work for Renewal<'_> {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        renew_held(self.queue, connection, self.now).await
    }
}

/// Renews what this process holds, unless that was just done; whether it did, which counts once it is durable. Claims call it
/// too: after a jump of the clock they must not take from this process what it is still working on.
pub(super) async fn renew_if_due(
    queue: &QueueFile,
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let renewed_at = queue.held().renewed_at();
    let next = later(renewed_at, renewal_interval(queue.options.lease));
    // When the clock was set back, the last renewal seems to be in the future.
    let is_due = !(renewed_at..next).contains(&now);
    if is_due {
        renew_held(queue, connection, now).await?;
    }
    Ok(is_due)
}

async fn renew_held(
    queue: &QueueFile,
    connection: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let keys = queue.held().keys();
    for key in keys {
        table::renew(connection, key, later(now, queue.options.lease)).await?;
    }
    Ok(())
}

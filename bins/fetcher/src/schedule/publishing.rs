//! The loop that publishes: whenever there is something to publish, and again and again while the queue or the disk is away.

use chrono::{DateTime, TimeDelta, Utc};
use outage::Backoff;
use ports::QueueError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::Scheduler;
use crate::publish::PublishError;

/// A spool that cannot be read or cleared for so long is a letter.
const LONG_TROUBLE: TimeDelta = TimeDelta::minutes(5);

impl Scheduler {
    /// Publishes whatever is sealed until `no_more` comes, and then what is left, unless the queue is away.
    pub(super) async fn keep_publishing(&self, no_more: &CancellationToken) -> Result<(), PublishError> {
        let mut backoff = Backoff::default();
        let mut away_since = None;
        let spool = self.publisher.spool_dir().display();
        loop {
            // Asked before publishing, so that what was sealed last is not missed.
            let is_last = no_more.is_cancelled();
            match self.publish_what_is_there().await {
                Ok(done) => {
                    if done > 0 {
                        if away_since.take().is_some() {
                            info!("publishing again");
                            self.turns.healed();
                        }
                        backoff.reset();
                        self.published.notify_one();
                    }
                    if is_last {
                        return Ok(());
                    }
                    tokio::select! {
                        () = self.publisher.wanted() => {}
                        () = no_more.cancelled() => {}
                    }
                }
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    let reason = telemetry::error_chain(&error);
                    if is_last {
                        warn!("what was fetched stays in {}: {reason}", spool);
                        return Ok(());
                    }
                    if away_since.is_some() {
                        debug!("still cannot publish: {reason}");
                    } else {
                        warn!("cannot publish; keeping pages in {}: {reason}", spool);
                    }
                    let since = *away_since.get_or_insert_with(|| self.clock.now());
                    if matches!(
                        error,
                        PublishError::Spool(_) | PublishError::Queue(QueueError::Refused { .. })
                    ) {
                        self.report_trouble(since, &reason).await;
                    }
                    self.turns.wait(backoff.next_wait(), no_more).await;
                }
            }
        }
    }

    /// A spool in trouble for long is a letter, one a day.
    async fn report_trouble(&self, since: DateTime<Utc>, reason: &str) {
        let now = self.clock.now();
        if now - since >= LONG_TROUBLE {
            let reason = format!(
                "what was fetched cannot be published, or not be removed from the spool then: {reason}"
            );
            self.incidents.report("spool_trouble", now.date_naive(), &reason).await;
        }
    }

    /// Seals what the disk did not let be sealed before, and publishes all that is sealed.
    async fn publish_what_is_there(&self) -> Result<usize, PublishError> {
        let rest = self.collector.seal_rest().await;
        let done = self.publisher.publish_all().await?;
        rest?;
        Ok(done)
    }
}

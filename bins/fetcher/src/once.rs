//! One snapshot by hand, for `--once`: now, whatever the schedule says, with someone waiting for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Slot, Verdict};
use outage::Backoff;
use ports::{Clock, QueueError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::collect::{Collector, Ending, FetchJob, Patience};
use crate::progress::{ProgressObserver, Step};
use crate::publish::{PublishError, Publisher};
use crate::spool::{ClaimState, Manifest, PageRecord, SpoolError};
use crate::trace;

/// Snapshots by hand are named by the second.
const SECOND: Duration = Duration::from_secs(1);

/// A snapshot that is in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedBatch {
    /// Its id.
    pub batch: BatchId,
    /// Its pages.
    pub pages: u32,
    /// Coins in them.
    pub coins: u32,
    /// Credits that they cost.
    pub credits: u32,
    /// Whether a simulator made them up.
    pub simulated: bool,
    /// When the last page arrived.
    pub fetched_at: DateTime<Utc>,
    /// What is wrong with it.
    pub verdict: Option<Verdict>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum OnceFailure {
    /// The API does not give it, or not soon enough.
    #[error("{reason}{}", hint.map(|hint| format!(" ({hint})")).unwrap_or_default())]
    GaveUp {
        /// Stable word for machines.
        code: String,
        /// What happened.
        reason: String,
        /// What someone can do about it.
        hint: Option<&'static str>,
    },
    /// Asked to stop. What was fetched stays in the spool and is published by the next start.
    #[error("asked to stop")]
    Stopped,
    /// The queue has to be set right first. What was fetched stays in the spool.
    #[error("cannot publish what was fetched")]
    Queue(#[source] QueueError),
    /// The spool cannot be written or read.
    #[error("cannot use the spool")]
    Spool(#[from] SpoolError),
}

/// Fetches and publishes a snapshot when it is asked to.
pub struct OnceFetcher {
    collector: Collector,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
}

impl OnceFetcher {
    pub(crate) fn new(collector: Collector, publisher: Publisher, clock: Arc<dyn Clock>) -> Self {
        Self { collector, publisher, clock }
    }

    /// Fetches and publishes one snapshot, and what earlier runs left in the spool. Waits for minutes at
    /// most when the API is in trouble, and for the queue until `stop`.
    pub async fn fetch_now(
        &self,
        observer: &dyn ProgressObserver,
        stop: CancellationToken,
    ) -> Result<FetchedBatch, OnceFailure> {
        self.collector.seal_leftovers_at_start().await?;
        self.publish_patiently(observer, &stop).await?;
        let slot = Slot::current(self.clock.now(), SECOND);
        let fetched = self.fetch_by_hand(slot, observer, &stop).await;
        // Named by the same second, the next one would be the same batch.
        if Slot::current(self.clock.now(), SECOND) == slot {
            self.collector.wait_until(slot.starts_at() + SECOND, &stop).await;
        }
        fetched
    }

    async fn fetch_by_hand(
        &self,
        slot: Slot,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> Result<FetchedBatch, OnceFailure> {
        let mut order = Manifest { claim: ClaimState::ByHand, ..self.collector.order(slot) };
        let span = trace::fetching(&mut order);
        let job = FetchJob { order: &order, patience: Patience::Watched, observer, stop };
        let pages = match self.collector.collect(job).instrument(span.clone()).await {
            Ending::Complete(pages) => pages,
            Ending::Interrupted | Ending::GaveWay(_) => {
                self.collector.stop_waiting().await;
                return Err(OnceFailure::Stopped);
            }
            Ending::GaveUp(gave_up) => {
                self.collector.stop_waiting().await;
                telemetry::trace::failed(&span, &gave_up.reason);
                self.collector.report_give_up(&order, &gave_up).await;
                self.collector.seal_soon(order).await;
                self.publisher.publish_if_possible().await.map_err(to_failure)?;
                return Err(OnceFailure::GaveUp {
                    code: gave_up.code,
                    reason: gave_up.reason,
                    hint: gave_up.hint,
                });
            }
        };
        drop(span);
        let verdict = self.collector.seal(order.clone()).await?;
        self.publish_patiently(observer, stop).await?;
        observer.step(Step::Published { batch: &order.batch });
        Ok(summary(order.batch, &pages, verdict, self.clock.now()))
    }

    async fn publish_patiently(
        &self,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> Result<(), OnceFailure> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.publisher.publish_all().await {
                Ok(_) => return Ok(()),
                Err(error) if !error.is_transient() => return Err(to_failure(error)),
                Err(error) => error,
            };
            let wait = backoff.next_wait();
            let until = self.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero());
            observer.step(Step::Waiting { until, reason: &telemetry::error_chain(&error) });
            tokio::select! {
                () = stop.cancelled() => return Err(OnceFailure::Stopped),
                () = self.clock.sleep(wait) => {}
            }
        }
    }
}

fn to_failure(error: PublishError) -> OnceFailure {
    match error {
        PublishError::Queue(error) => OnceFailure::Queue(error),
        PublishError::Spool(error) => OnceFailure::Spool(error),
    }
}

fn summary(
    batch: BatchId,
    pages: &[PageRecord],
    verdict: Option<Verdict>,
    now: DateTime<Utc>,
) -> FetchedBatch {
    let sum = |of: fn(&PageRecord) -> u32| pages.iter().map(of).fold(0, u32::saturating_add);
    FetchedBatch {
        batch,
        pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
        coins: sum(|page| page.rows),
        credits: sum(|page| page.credits),
        simulated: pages.iter().any(|page| page.simulated),
        fetched_at: pages.iter().map(|page| page.fetched_at).max().unwrap_or(now),
        verdict,
    }
}

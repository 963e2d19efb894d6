//! One snapshot by hand, for `--once`: now, whatever the schedule says, with someone waiting for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, Slot, Verdict};
use ports::{Clock, QueueError, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::collect::{Caller, Collector, Ending, Patience};
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
    /// Coins in them, each as often as it came.
    pub coins: u32,
    /// How many of these were on an earlier page already.
    pub coins_again: u32,
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
    /// The store does not let in again what was dropped. What was fetched stays in the spool.
    #[error("cannot let in again what was dropped")]
    Store(#[source] StoreError),
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
        publish_all(&self.publisher, &*self.clock, observer, &stop).await?;
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
        let caller = Caller { patience: Patience::Watched, observer, stop };
        let pages = match self.collector.collect(&mut order, caller).instrument(span.clone()).await {
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
        let again = self.collector.coins_again(&order, &pages).await;
        let verdict = self.collector.seal(order.clone()).await?;
        publish_all(&self.publisher, &*self.clock, observer, stop).await?;
        observer.step(Step::Published { batch: &order.batch });
        let fetched = summary(order, &pages, verdict, self.clock.now());
        Ok(FetchedBatch { coins_again: again, ..fetched })
    }
}

/// Publishes what waits, however long it takes; the failure when it cannot be, or when asked to stop before.
pub(crate) async fn publish_all(
    publisher: &Publisher,
    clock: &dyn Clock,
    observer: &dyn ProgressObserver,
    stop: &CancellationToken,
) -> Result<(), OnceFailure> {
    match publisher.publish_patiently(clock, observer, stop).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(OnceFailure::Stopped),
        Err(error) => Err(to_failure(error)),
    }
}

fn to_failure(error: PublishError) -> OnceFailure {
    match error {
        PublishError::Queue(error) => OnceFailure::Queue(error),
        PublishError::Spool(error) => OnceFailure::Spool(error),
    }
}

fn summary(
    order: Manifest,
    pages: &[PageRecord],
    verdict: Option<Verdict>,
    now: DateTime<Utc>,
) -> FetchedBatch {
    let sum = |numbers: &mut dyn Iterator<Item = u32>| numbers.fold(0, u32::saturating_add);
    // Those in other currencies have the same coins.
    let in_first = pages.iter().filter(|page| order.is_in_first(page.page));
    FetchedBatch {
        coins: sum(&mut in_first.map(|page| page.rows)),
        coins_again: 0,
        credits: sum(&mut pages.iter().map(|page| page.credits)),
        batch: order.batch,
        pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
        simulated: pages.iter().any(|page| page.simulated),
        fetched_at: pages.iter().map(|page| page.fetched_at).max().unwrap_or(now),
        verdict,
    }
}

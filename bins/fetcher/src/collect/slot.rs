//! A slot of the schedule as the collector sees it: about to be claimed, fetched for as long as it lasts, or found in the spool.

use chrono::{DateTime, Utc};
use domain::{BatchId, Slot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Collector, Ending, FetchJob, Patience};
use crate::progress::NoObserver;
use crate::spool::{ClaimState, Manifest, Spool, SpoolError, blocking};
use crate::trace;

/// Batches that may wait for the queue before no more is paid for.
const MOST_WAITING: usize = 500;

impl Collector {
    /// Fetches `slot`, which is claimed and ends at `ends_at`, as far as it comes, and seals it. When it does not come whole, a
    /// letter says so. The API wants to be left alone until `not_before`, which lies in the slot.
    pub(crate) async fn collect_slot(
        &self,
        slot: Slot,
        ends_at: DateTime<Utc>,
        not_before: Option<DateTime<Utc>>,
        stop: &CancellationToken,
    ) -> Ending {
        let mut order = self.order(slot);
        let span = trace::fetching(&mut order);
        let patience = Patience::UntilNextSlot(ends_at);
        let job = FetchJob { order: &order, patience, observer: &NoObserver, stop };
        *self.in_work() = Some(order.clone());
        if let Some(until) = not_before
            && !self.wait_until(until, stop).await
        {
            return Ending::Interrupted;
        }
        let ending = self.collect(job).instrument(span.clone()).await;
        match &ending {
            Ending::Interrupted => {
                self.waits.end().await;
                return ending;
            }
            Ending::Complete(_) => {}
            Ending::GaveUp(gave_up) => {
                let until = gave_up.until.unwrap_or(ends_at);
                self.waits.begin(&gave_up.code, &gave_up.reason, self.clock.now(), until).await;
                telemetry::trace::failed(&span, &gave_up.reason);
                // Before the seal: a batch without pages is removed by it, and nothing else would tell of the slot.
                self.give_up(slot, gave_up).await;
                if self.has_nothing_of(&order.batch).await {
                    self.metrics.missed(1);
                }
            }
        }
        self.seal_soon(order).await;
        *self.in_work() = None;
        ending
    }

    /// Whether no page of `batch` was kept.
    async fn has_nothing_of(&self, batch: &BatchId) -> bool {
        let batch = batch.clone();
        let Ok(found) = blocking(&self.spool, move |spool| spool.list_pages(&batch)).await else {
            return false;
        };
        let (pages, trouble) = self.incidents.report_found(found).await;
        pages.is_empty() && trouble.is_none()
    }

    /// Nothing is tried any more, so nothing is waited for.
    pub(crate) async fn stop_waiting(&self) {
        self.waits.end().await;
    }

    /// As [`intend`](Self::intend), however often the disk refuses it until `ends_at`, the end of the slot.
    pub(crate) async fn intend_patiently(
        &self,
        order: &Manifest,
        ends_at: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<Option<usize>, Ending> {
        let patience = Patience::UntilNextSlot(ends_at);
        let job = FetchJob { order, patience, observer: &NoObserver, stop };
        let what = "the spool takes no batch, so nothing is fetched";
        self.until_taken(job, what, Some(ends_at), async || self.intend(order).await).await
    }

    /// Writes into the spool that the slot of `order` is about to be claimed. When too many batches wait there already,
    /// it writes nothing and returns how many.
    async fn intend(&self, order: &Manifest) -> Result<Option<usize>, SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        // One that cannot be read now does not keep a slot from being fetched.
        let (batches, _) = self.incidents.report_found(found).await;
        if batches.len() >= MOST_WAITING {
            return Ok(Some(batches.len()));
        }
        let order = Manifest { claim: ClaimState::Intended, ..order.clone() };
        blocking(&self.spool, move |spool| spool.put_manifest(&order)).await?;
        Ok(None)
    }

    /// The batches in the spool.
    pub(crate) async fn batches(&self) -> Result<Vec<Manifest>, SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, trouble) = self.incidents.report_found(found).await;
        trouble.map_or(Ok(batches), Err)
    }

    /// Removes `batch` from the spool.
    pub(crate) async fn forget(&self, batch: &BatchId) -> Result<(), SpoolError> {
        let batch = batch.clone();
        blocking(&self.spool, move |spool| spool.finish(&batch)).await
    }

    /// Whether letters wait in the spool.
    pub(crate) async fn has_letters(&self) -> Result<bool, SpoolError> {
        blocking(&self.spool, Spool::has_letters).await
    }

    /// The name by which claims tell this fetcher from others.
    pub(crate) fn spool_id(&self) -> String {
        self.spool.id()
    }

    /// Whether `id` is, or was in this run, the name of this fetcher's spool.
    pub(crate) fn is_own_spool(&self, id: &str) -> bool {
        self.spool.is_called(id)
    }
}

//! A slot of the schedule as the collector sees it: about to be claimed, fetched for as long as it lasts, or found in the spool.

use chrono::{DateTime, Utc};
use domain::BatchId;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Caller, Collector, Ending, FetchJob, GaveUp, Patience};
use crate::progress::NoObserver;
use crate::spool::{ClaimState, Manifest, Spool, SpoolError, blocking};
use crate::subject::Subject;
use crate::trace;

/// Batches that may wait for the queue before no more is paid for.
const MOST_WAITING: usize = 500;

/// How long a batch may be fetched for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    /// The end of its slot.
    pub(crate) ends_at: DateTime<Utc>,
    /// When something that goes before it is due.
    pub(crate) gives_way_at: DateTime<Utc>,
}

impl Collector {
    /// Fetches the batch of `order`, whose slot is claimed and ends at `ends_at`, as far as it comes, and seals it. When it does not come
    /// whole, a letter says so; but when it has to give way before its slot ends, it stays as it is. The API wants to be left alone until
    /// `not_before`, which lies in the slot.
    pub(crate) async fn collect_slot(
        &self,
        mut order: Manifest,
        Until { ends_at, gives_way_at }: Until,
        not_before: Option<DateTime<Utc>>,
        stop: &CancellationToken,
    ) -> Ending {
        let span = trace::fetching(&mut order);
        let patience = Patience::UntilNextSlot(gives_way_at.min(ends_at));
        let caller = Caller { patience, observer: &NoObserver, stop };
        let is_snapshot = Subject::of(&order) == Subject::Listings;
        self.begin_work(&order);
        if let Some(until) = not_before
            && !self.wait_until(until, stop).await
        {
            return Ending::Interrupted;
        }
        let ending = self.collect(&mut order, caller).instrument(span.clone()).await;
        match &ending {
            Ending::Interrupted => {
                self.waits.end().await;
                return ending;
            }
            Ending::Complete(_) | Ending::GaveWay(_) => {}
            Ending::GaveUp(gave_up) if gives_way_at < ends_at && !gave_up.lasts => {
                self.waits.end().await;
                return Ending::GaveWay(gave_up.clone());
            }
            Ending::GaveUp(gave_up) => {
                // What there is beside the listings is not what people wait for.
                if is_snapshot {
                    let until = gave_up.until.unwrap_or(ends_at);
                    self.waits.begin(&gave_up.code, &gave_up.reason, self.clock.now(), until).await;
                } else {
                    self.waits.end().await;
                }
                telemetry::trace::failed(&span, &gave_up.reason);
                // Before the seal: a batch without pages is removed by it, and nothing else would tell of the slot.
                self.give_up(&order, gave_up).await;
                if is_snapshot && self.has_nothing_of(&order.batch).await {
                    self.miss(1, [order.slot]).await;
                }
            }
        }
        if is_snapshot && matches!(ending, Ending::Complete(_)) {
            self.note_coins(&order).await;
        }
        self.forget_work(&order);
        self.seal_soon(order).await;
        ending
    }

    /// Nothing more comes for the batch of `order`, because of what `gave_up` says: a letter tells of it, and what came is sealed.
    pub(crate) async fn end_work(&self, order: Manifest, gave_up: &GaveUp) {
        // Before the seal: a batch without pages is removed by it, and nothing else would tell of the slot.
        self.give_up(&order, gave_up).await;
        self.forget_work(&order);
        self.seal_soon(order).await;
    }

    fn begin_work(&self, order: &Manifest) {
        self.forget_work(order);
        self.in_work().push(order.clone());
    }

    fn forget_work(&self, order: &Manifest) {
        self.in_work().retain(|begun| begun.batch != order.batch);
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

//! A batch on its way to the disk, however long the disk refuses it: room is made before anything is paid for, and a page
//! that was paid for is kept.

use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Bytes, compress_body, timestamp};
use outage::Backoff;
use tracing::{info, warn};

use super::client::ListingsPage;
use super::{Collector, Ending, FetchJob, GaveUp};
use crate::progress::Step;
use crate::spool::{Manifest, PageRecord, SpoolError, blocking};

const DISK_HINT: &str = "look after the disk that fetch.spool is on";

impl Collector {
    /// Makes sure that the disk takes the batch before anything is paid for. Returns what is there already.
    pub(super) async fn begin(&self, job: FetchJob<'_>) -> Result<Vec<PageRecord>, Ending> {
        let order = job.order;
        let put = async || {
            let manifest = order.clone();
            blocking(&self.spool, move |spool| spool.put_manifest(&manifest)).await?;
            let batch = order.batch.clone();
            let found = blocking(&self.spool, move |spool| spool.pages(&batch)).await?;
            let (pages, trouble) = self.incidents.report_found(found).await;
            // A page that cannot be read now was paid for.
            trouble.map_or(Ok(pages), Err)
        };
        let until = job.patience.for_the_disk(self.clock.now());
        let pages = self.until_taken(job, "nothing is fetched", Some(until), put).await?;
        if !pages.is_empty() {
            info!(batch = %order.batch, page_count = pages.len(), "going on with a batch");
        }
        Ok(pages)
    }

    /// Puts a page into the spool, however often the disk refuses it. It was paid for: a schedule waits with the next slot
    /// until it is kept.
    pub(super) async fn store_page(
        &self,
        job: FetchJob<'_>,
        record: &PageRecord,
        page: ListingsPage,
    ) -> Result<(), Ending> {
        let body = Bytes::from(blocking(&self.spool, move |_| compress_body(&page.body)).await);
        self.put_page(job, record, body).await
    }

    /// Writes what is known about a page that is in the spool anew.
    pub(super) async fn restore_page(&self, job: FetchJob<'_>, record: &PageRecord) -> Result<(), Ending> {
        let (batch, number) = (job.order.batch.clone(), record.page);
        let found = blocking(&self.spool, move |spool| spool.page_body(&batch, number)).await;
        let (mut bodies, _) = self.incidents.report_found(found).await;
        // What cannot be read keeps the record that it has.
        match bodies.pop() {
            Some(body) => self.put_page(job, record, body).await,
            None => Ok(()),
        }
    }

    /// What is known about an answer, which is noted where it says something of the source.
    pub(super) fn to_record(&self, order: &Manifest, number: u32, page: &ListingsPage) -> PageRecord {
        *self.simulated.lock().unwrap_or_else(PoisonError::into_inner) = Some(page.simulated);
        PageRecord {
            page: number,
            asked: order.range(number).1,
            rows: page.rows,
            total_count: page.total_count,
            credits: page.credits,
            fetched_at: timestamp::to_millis(self.clock.now()),
            simulated: page.simulated,
        }
    }

    pub(super) async fn put_page(
        &self,
        job: FetchJob<'_>,
        record: &PageRecord,
        body: Bytes,
    ) -> Result<(), Ending> {
        let FetchJob { order, patience, .. } = job;
        let put = async || {
            let (manifest, kept, body) = (order.clone(), record.clone(), body.clone());
            blocking(&self.spool, move |spool| spool.put_page(&manifest, &kept, &body)).await
        };
        let until = patience.is_watched().then(|| patience.for_the_disk(self.clock.now()));
        self.until_taken(job, "a page that was paid for cannot be kept", until, put).await
    }

    /// Does `work` on the disk, however often it refuses, until `until`.
    pub(super) async fn until_taken<T>(
        &self,
        job: FetchJob<'_>,
        what: &str,
        until: Option<DateTime<Utc>>,
        work: impl AsyncFn() -> Result<T, SpoolError>,
    ) -> Result<T, Ending> {
        let FetchJob { order, observer, stop, .. } = job;
        let mut backoff = Backoff::default();
        loop {
            let is_first = backoff.is_fresh();
            let error = match work().await {
                Ok(done) => {
                    if !is_first {
                        info!(batch = %order.batch, "the disk takes it again");
                        self.turns.healed();
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            let reason = format!("{what}: {}", telemetry::error_chain(&error));
            let now = self.clock.now();
            let mut wait = backoff.next_wait();
            if let Some(until) = until {
                let left = (until - now).to_std().unwrap_or_default();
                if left.is_zero() {
                    let code = "spool_failed".to_owned();
                    return Err(Ending::GaveUp(GaveUp {
                        code,
                        reason,
                        hint: Some(DISK_HINT),
                        until: None,
                        lasts: true,
                    }));
                }
                wait = wait.min(left);
            }
            if is_first {
                warn!(batch = %order.batch, "{reason}; trying again");
                self.incidents.report_try("spool_failed", order, &reason).await;
            }
            let next = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero());
            observer.step(Step::Waiting { until: next, reason: &reason, next: None });
            if !self.turns.wait(wait, stop).await {
                return Err(Ending::Interrupted);
            }
        }
    }
}

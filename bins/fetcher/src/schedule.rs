//! Scheduling: who leads, which slot is due, and when it is fetched.
//!
//! There is a schedule for the listings, and one for each kind of the market that is fetched (`course`). One loop leads whenever it can (`lead`),
//! claims the slots that come due (`term`) and has the collector fetch them. Another has the publisher publish what is there
//! (`publishing`). While no slot is due, it fills what was missed of the listings (`catch_up`). They meet only in the spool, so what was fetched waits there for a
//! queue that is away.

mod bell;
mod catch_up;
mod claims;
mod course;
mod followed;
mod in_force;
mod lead;
mod leader_state;
mod loaded;
mod offset;
mod owed;
mod publishing;
mod settle;
mod slots;
mod term;

use std::sync::Arc;
use std::time::Duration;

use config::CatchUp;
use domain::BatchId;
use outage::Backoff;
use ports::{Clock, Leadership};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::collect::Collector;
use crate::context::FetchContext;
use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::publish::Publisher;
use crate::retry_turns::RetryTurns;
use crate::subject::Subject;

pub(crate) use course::{Course, courses};
pub(crate) use loaded::LoadedBatches;
pub(crate) use offset::offset_of;

#[cfg(test)]
pub(crate) use claims::Claims;

/// Fetches a snapshot in each slot while it leads, and publishes it.
pub(crate) struct Scheduler {
    /// Never empty; that of the listings first.
    courses: Vec<Course>,
    /// Which missed slots of the listings are filled.
    catch_up: CatchUp,
    /// Age at which quotes leave the tables; zero: never.
    keep: Duration,
    collector: Collector,
    publisher: Publisher,
    leadership: Arc<dyn Leadership>,
    loaded: LoadedBatches,
    incidents: Arc<Incidents>,
    clock: Arc<dyn Clock>,
    metrics: FetchMetrics,
    crashes: Crashes,
    turns: Arc<RetryTurns>,
    /// Woken when something was published: then claims may be settled.
    published: Notify,
}

impl Scheduler {
    /// A scheduler that follows `courses`, of which the first is that of the listings. Slots of these that were missed are filled as
    /// `catch_up` says.
    pub(crate) fn new(
        (courses, catch_up): (Vec<Course>, CatchUp),
        collector: Collector,
        publisher: Publisher,
        leadership: Arc<dyn Leadership>,
        loaded: LoadedBatches,
        incidents: Arc<Incidents>,
        context: FetchContext,
    ) -> Self {
        let FetchContext { clock, metrics, crashes, turns, keep, .. } = context;
        Self {
            courses,
            catch_up,
            keep,
            collector,
            publisher,
            leadership,
            loaded,
            incidents,
            clock,
            metrics,
            crashes,
            turns,
            published: Notify::new(),
        }
    }

    /// Fetches a snapshot in each slot and publishes it, until `stop`; then publishes what is in
    /// the spool, if the queue is there, and returns. It waits out trouble with the API and the disk, and reports it in letters.
    ///
    /// An error means that waiting cannot help: the queue is misconfigured.
    pub(crate) async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        // One place: slots that come due while one is fetched coalesce.
        let (bell, rung) = mpsc::channel(1);
        tokio::select! {
            result = self.run_on(rung, stop) => result,
            () = bell::ring(course::pace(&self.courses), Arc::clone(&self.clock), bell) => Ok(()),
        }
    }

    /// As [`run`](Self::run), but looks for a slot whenever the bell was `rung`.
    pub(crate) async fn run_on(
        &self,
        rung: mpsc::Receiver<()>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        tokio::select! {
            result = self.run_loops(rung, stop) => result,
            crash = self.crashes.crashed() => Err(crash.into()),
        }
    }

    async fn run_loops(&self, rung: mpsc::Receiver<()>, stop: CancellationToken) -> anyhow::Result<()> {
        let Some(begun) = self.find_begun(&stop).await else { return Ok(()) };
        // What waits from before goes first; when the queue is away it goes later.
        self.publisher.publish_if_possible().await?;
        let stop = stop.child_token();
        let no_more = CancellationToken::new();
        let fetching = async {
            let result = self.lead_and_fetch(begun, rung, &stop).await;
            self.collector.stop_waiting().await;
            stop.cancel();
            no_more.cancel();
            result
        };
        let publishing = async {
            let result = self.keep_publishing(&no_more).await;
            stop.cancel();
            result
        };
        let (fetched, published) = tokio::join!(fetching, publishing);
        published?;
        Ok(fetched?)
    }

    /// The batches of current slots that an earlier run began and did not end. Waits for a spool that cannot be read; `None` when
    /// asked to stop before.
    async fn find_begun(&self, stop: &CancellationToken) -> Option<Vec<BatchId>> {
        let mut backoff = Backoff::default();
        loop {
            let now = self.clock.now();
            let current = |course: &Course| self.collector.order_of(course.subject, course.current(now));
            let current = || self.courses.iter().map(current).collect();
            let error = match self.collector.resume(current).await {
                Ok(begun) => return Some(begun),
                Err(error) => error,
            };
            if backoff.is_fresh() {
                let error = telemetry::error_chain(&error);
                warn!("cannot read the spool; nothing is fetched until then: {error}");
            }
            if !self.turns.wait(backoff.next_wait(), stop).await {
                return None;
            }
        }
    }

    /// The schedule of the listings.
    fn listings(&self) -> &Course {
        &self.courses[0]
    }

    /// The schedule that `batch` is of; that of the listings when it is of none that is followed.
    fn course_of(&self, batch: &BatchId) -> &Course {
        let subject = Subject::of_endpoint(batch.endpoint());
        self.courses.iter().find(|course| course.subject == subject).unwrap_or(self.listings())
    }
}

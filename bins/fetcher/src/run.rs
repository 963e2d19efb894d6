//! The scheduled run: one loop fetches slots into the spool while this fetcher leads, another publishes
//! what is there. They meet only in the spool, so what was fetched waits there for a queue that is away.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Slot;
use outage::Backoff;
use ports::QueueError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::fetcher::Fetcher;
use crate::publish::PublishError;
use crate::schedule;
use crate::standing::Standing;

/// A spool that cannot be read or cleared for so long is a letter.
const LONG_TROUBLE: TimeDelta = TimeDelta::minutes(5);

impl Fetcher {
    /// Fetches a snapshot in each slot and publishes it, until `stop`; then publishes what is in hand, if
    /// the queue is there, and returns. Trouble with the API and the disk is waited out and reported as letters.
    ///
    /// An error means that waiting cannot help: the queue is misconfigured.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        // One place: slots that come due while one is fetched coalesce.
        let (bell, rung) = mpsc::channel(1);
        tokio::select! {
            result = self.run_on(rung, stop) => result,
            () = schedule::ring(self.settings.every, Arc::clone(&self.clock), bell) => Ok(()),
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
        let Some(begun) = self.begun_patiently(&stop).await else { return Ok(()) };
        // What waits from before goes first; when the queue is away it goes later.
        self.publish_once().await?;
        let stop = stop.child_token();
        let no_more = CancellationToken::new();
        let fetching = async {
            let result = self.fetch_slots(begun, rung, &stop).await;
            stop.cancel();
            no_more.cancel();
            result
        };
        let publishing = async {
            let result = self.publish_all_the_time(&no_more).await;
            stop.cancel();
            result
        };
        let (fetched, published) = tokio::join!(fetching, publishing);
        published?;
        Ok(fetched?)
    }

    /// The slot that was begun, if any, once the spool says so; `None` when asked to stop before.
    async fn begun_patiently(&self, stop: &CancellationToken) -> Option<Option<Slot>> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.begun().await {
                Ok(begun) => return Some(begun),
                Err(error) => telemetry::error_chain(&error),
            };
            if backoff.is_fresh() {
                warn!("cannot read the spool; nothing is fetched until then: {error}");
            }
            self.note_failure(&error);
            if !self.pace.wait(backoff.next_wait(), stop).await {
                return None;
            }
        }
    }

    /// Goes on with a slot that was `begun`; then leads whenever it can, and fetches while it leads. The
    /// error is one that waiting cannot help.
    async fn fetch_slots(
        &self,
        begun: Option<Slot>,
        mut rung: mpsc::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut standing = Standing::default();
        if let Some(slot) = begun {
            self.serve(slot, &mut standing, stop).await;
        }
        info!("asking for the lead; while another fetcher has it, this one waits");
        while !stop.is_cancelled() {
            let term = tokio::select! {
                term = self.leadership.lead() => term,
                () = stop.cancelled() => return Ok(()),
            };
            let error = match term {
                Ok(term) => {
                    standing.leads();
                    let began_at = self.clock.now();
                    self.metrics.leading(true);
                    let error = self.reign(term, &mut rung, &mut standing, stop).await;
                    self.metrics.leading(false);
                    if (self.clock.now() - began_at)
                        .to_std()
                        .is_ok_and(|lasted| lasted >= crate::standing::PROBATION)
                    {
                        standing.prove();
                    }
                    error
                }
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                if !error.is_transient() {
                    return Err(error);
                }
                standing.fail(&telemetry::error_chain(&error));
            }
            // Also after a term that just ended: somebody who lets lead and takes it back is not asked all the time.
            self.pace.wait(standing.next_wait(), stop).await;
        }
        Ok(())
    }

    /// Publishes whatever is sealed until `no_more` comes, and then what is left, unless the queue is away.
    async fn publish_all_the_time(&self, no_more: &CancellationToken) -> Result<(), PublishError> {
        let mut backoff = Backoff::default();
        let mut away_since = None;
        loop {
            // Asked before publishing, so that what was sealed last is not missed.
            let is_last = no_more.is_cancelled();
            match self.publish_what_is_there().await {
                Ok(done) => {
                    if done > 0 {
                        if away_since.take().is_some() {
                            info!("publishing again");
                            self.pace.healed();
                        }
                        backoff.reset();
                        self.published.notify_one();
                    }
                    if is_last {
                        return Ok(());
                    }
                    tokio::select! {
                        () = self.changed.notified() => {}
                        () = no_more.cancelled() => {}
                    }
                }
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    let reason = telemetry::error_chain(&error);
                    if is_last {
                        warn!("what was fetched stays in {}: {reason}", self.spool.dir().display());
                        return Ok(());
                    }
                    if away_since.is_some() {
                        debug!("still cannot publish: {reason}");
                    } else {
                        warn!("cannot publish; keeping pages in {}: {reason}", self.spool.dir().display());
                    }
                    let since = *away_since.get_or_insert_with(|| self.clock.now());
                    if matches!(
                        error,
                        PublishError::Spool(_) | PublishError::Queue(QueueError::Refused { .. })
                    ) {
                        self.report_trouble(since, &reason).await;
                    }
                    self.pace.wait(backoff.next_wait(), no_more).await;
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
        let unsealed = std::mem::take(&mut *self.unsealed.lock().unwrap_or_else(PoisonError::into_inner));
        let mut trouble = None;
        for manifest in unsealed {
            if let Err(error) = self.seal(manifest.clone()).await {
                self.unsealed.lock().unwrap_or_else(PoisonError::into_inner).push(manifest);
                trouble = Some(error);
            }
        }
        if self.has_leftovers.load(Ordering::Relaxed)
            && let Err(error) = self.seal_leftovers().await
        {
            trouble = Some(error);
        }
        let done = self.publisher.publish_all().await?;
        trouble.map_or(Ok(done), |error| Err(error.into()))
    }

    /// Publishes what is sealed; a queue or disk that is away is left for later.
    pub(crate) async fn publish_once(&self) -> Result<(), PublishError> {
        match self.publisher.publish_all().await {
            Err(error) if !error.is_transient() => Err(error),
            // The loop that tries again says why.
            _ => Ok(()),
        }
    }
}

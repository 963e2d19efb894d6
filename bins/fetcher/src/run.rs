//! The scheduled run: one loop fetches slots into the spool while this fetcher leads, another publishes
//! what is there. They meet only in the spool, so what was fetched waits there for a queue that is away.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Slot, timestamp};
use ports::{QueueError, Term};
use stage::{Backoff, Snapshot};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, error, info, warn};

use crate::claims::Claims;
use crate::fetcher::Fetcher;
use crate::publish::PublishError;
use crate::schedule::{self, Ticker};
use crate::snapshot::{DISK_HINT, Ending, Errand, GaveUp, Patience};
use crate::spool::{Spool, SpoolError, blocking};
use crate::trace;
use crate::watch::Unwatched;

/// Batches that may wait for the queue before no more is paid for.
const MOST_WAITING: usize = 500;
/// A limit may be lifted early (another plan), so a long wait asks again this often; the API charges
/// nothing for a refusal.
const LONGEST_SILENCE: TimeDelta = TimeDelta::hours(6);

impl Fetcher {
    /// Fetches a snapshot in each slot and publishes it, until `stop`; then publishes what is in hand, if
    /// the queue is there, and returns. Trouble with the API is waited out and reported as letters.
    ///
    /// An error means that waiting cannot help: the queue is misconfigured, or the spool cannot be read.
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
        let begun = self.begun().await?;
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

    /// Goes on with a slot that was `begun`; then leads whenever it can, and fetches while it leads. The
    /// error is one that waiting cannot help.
    async fn fetch_slots(
        &self,
        begun: Option<Slot>,
        mut rung: mpsc::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut silent_until = None;
        if let Some(slot) = begun {
            self.serve(slot, &mut silent_until, stop).await;
        }
        let mut backoff = Backoff::default();
        let mut is_away = false;
        info!("asking for the lead; while another fetcher has it, this one waits");
        while !stop.is_cancelled() {
            let term = tokio::select! {
                term = self.leadership.lead() => term,
                () = stop.cancelled() => return Ok(()),
            };
            let error = match term {
                Ok(term) => {
                    info!("leading: this fetcher schedules");
                    (backoff, is_away) = (Backoff::default(), false);
                    self.metrics.leading(true);
                    let error = self.reign(term, &mut rung, &mut silent_until, stop).await;
                    self.metrics.leading(false);
                    error
                }
                Err(error) => Some(error),
            };
            let Some(error) = error else { continue };
            if !error.is_transient() {
                return Err(error);
            }
            let reason = stage::error_chain(&error);
            if is_away {
                debug!("still cannot lead: {reason}");
            } else {
                warn!("cannot lead, so nothing is fetched: {reason}");
            }
            is_away = true;
            tokio::select! {
                () = self.clock.sleep(backoff.next_wait()) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Fetches slots for as long as `term` lasts. Each is claimed first: what another leader claimed is
    /// left alone. The error, if any, is what ended the term.
    async fn reign(
        &self,
        mut term: Box<dyn Term>,
        rung: &mut mpsc::Receiver<()>,
        silent_until: &mut Option<DateTime<Utc>>,
        stop: &CancellationToken,
    ) -> Option<QueueError> {
        let mut claims = Claims::from_note(term.note());
        let done = claims.slots(|slot| self.order(slot)).into_iter().chain(self.newest_loaded().await);
        let mut ticker = Ticker::new(self.settings.every, done);
        let mut told = None;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            if let Some(slot) = ticker.due(now) {
                claims.add(&self.order(slot));
                if let Err(error) = term.write(claims.to_note()).await {
                    return Some(error);
                }
                self.serve(slot, silent_until, stop).await;
                continue;
            }
            let next = schedule::end_of(Slot::current(now, self.settings.every), self.settings.every);
            if told.replace(next) != Some(next) {
                info!(at = timestamp::to_text(next), "the next snapshot is due");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = term.over() => {
                    info!("another fetcher may lead now");
                    return None;
                }
                rung = rung.recv() => if rung.is_none() { stop.cancelled().await },
            }
        }
        None
    }

    /// Does for `slot` what can be done, and seals it.
    async fn serve(&self, slot: Slot, silent_until: &mut Option<DateTime<Utc>>, stop: &CancellationToken) {
        let now = self.clock.now();
        if let Some(until) = *silent_until
            && until > now
            && until - now <= LONGEST_SILENCE
        {
            info!(%slot, until = timestamp::to_text(until), "skipped a slot: a limit of the API is reached");
            return;
        }
        *silent_until = None;
        let ends_at = schedule::end_of(slot, self.settings.every);
        let ended = match self.try_slot(slot, ends_at, stop).await {
            Ok(None) => return,
            Ok(Some(gave_up)) => gave_up,
            Err(error) => {
                let (code, reason) = ("spool_failed".to_owned(), stage::error_chain(&error));
                GaveUp { code, reason, hint: Some(DISK_HINT), until: None, lasts: true }
            }
        };
        *silent_until = ended.until.map(|until| until.min(now + LONGEST_SILENCE));
        let text = self.report(slot, &ended).await;
        error!(%slot, code = ended.code, "{text}");
    }

    async fn try_slot(
        &self,
        slot: Slot,
        ends_at: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<Option<GaveUp>, SpoolError> {
        let waiting = blocking(&self.spool, Spool::batches).await?.items.len();
        if waiting >= MOST_WAITING {
            let reason = format!("{waiting} batches wait for the queue; nothing more is fetched");
            let hint = Some("look after the queue");
            let code = "spool_full".to_owned();
            return Ok(Some(GaveUp { code, reason, hint, until: None, lasts: true }));
        }
        let mut order = self.order(slot);
        let span = trace::fetching(&mut order);
        let patience = Patience::UntilNextSlot(ends_at);
        let errand = Errand { order: &order, patience, watch: &Unwatched, stop };
        let ending = self.gather(errand).instrument(span.clone()).await?;
        let gave_up = match ending {
            Ending::Interrupted => return Ok(None),
            Ending::Complete(_) => {
                self.note_success();
                None
            }
            Ending::GaveUp(gave_up) => {
                stage::trace::failed(&span, &gave_up.reason);
                Some(gave_up)
            }
        };
        if self.seal(order).await? {
            self.changed.notify_one();
        }
        Ok(gave_up)
    }

    /// Tells the health check and the alerter that a batch will not be complete, and returns what it told
    /// them. A cause that outlasts the slot is one letter a day, not one a slot.
    pub(crate) async fn report(&self, slot: Slot, gave_up: &GaveUp) -> String {
        let GaveUp { code, reason, hint, until, lasts } = gave_up;
        let mut text = format!("gave up slot {slot}: {reason}");
        if let Some(until) = until {
            text = format!("{text}; asking again after {}", timestamp::to_text(*until));
        }
        if let Some(hint) = hint {
            text = format!("{text} ({hint})");
        }
        self.note_failure(&text);
        self.metrics.snapshot(Snapshot::GaveUp, self.clock.now());
        if *lasts {
            self.incidents.report(code, self.clock.now().date_naive(), &text).await;
        } else {
            self.incidents.report(code, format!("{slot}/given-up"), &text).await;
        }
        text
    }

    /// Publishes whatever is sealed until `no_more` comes, and then what is left, unless the queue is away.
    async fn publish_all_the_time(&self, no_more: &CancellationToken) -> Result<(), PublishError> {
        let mut backoff = Backoff::default();
        let mut is_away = false;
        loop {
            // Asked before publishing, so that what was sealed last is not missed.
            let is_last = no_more.is_cancelled();
            match self.publisher.publish_all().await {
                Ok(_) => {
                    if is_away {
                        info!("publishing again");
                    }
                    is_away = false;
                    backoff.reset();
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
                    let reason = stage::error_chain(&error);
                    if is_last {
                        warn!("what was fetched stays in {}: {reason}", self.spool.dir().display());
                        return Ok(());
                    }
                    if is_away {
                        debug!("still cannot publish: {reason}");
                    } else {
                        warn!("cannot publish; keeping pages in {}: {reason}", self.spool.dir().display());
                    }
                    is_away = true;
                    tokio::select! {
                        () = self.clock.sleep(backoff.next_wait()) => {}
                        () = no_more.cancelled() => {}
                    }
                }
            }
        }
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

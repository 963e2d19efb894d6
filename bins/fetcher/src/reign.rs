//! The time for which a fetcher leads: slots come due, are claimed, and are fetched.
//!
//! The order of what is written is what keeps a slot from being paid for twice, and from being lost without a word:
//! 1. the spool: this slot is about to be claimed ([`Claim::Intended`]);
//! 2. the leaders' note: it is claimed, by this spool;
//! 3. the spool: it is claimed ([`Claim::Claimed`]). From now on its fetcher goes on with it after a restart, whoever leads;
//! 4. the pages, each in the spool before the next is asked for; the seal; the queue's confirmations;
//! 5. the leaders' note: settled.
//!
//! A fetcher that dies before 2 leaves the slot to the next leader; between 2 and 3, it finds out what it did when it leads
//! again; later, it goes on. When it does not come back before the slot is over, whoever leads writes a letter (`stock`).

use domain::{Slot, timestamp};
use outage::Backoff;
use ports::{QueueError, Term};
use stage::Point;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::claims::Claims;
use crate::fetcher::Fetcher;
use crate::schedule::{self, Ticker};
use crate::snapshot::GaveUp;
use crate::spool::{Claim, Manifest, Spool, SpoolError, blocking};
use crate::standing::{PROBATION, Standing};

/// Batches that may wait for the queue before no more is paid for.
const MOST_WAITING: usize = 500;

/// A term, and what is claimed as far as its leader knows.
pub(crate) struct Reign {
    term: Box<dyn Term>,
    pub(crate) claims: Claims,
}

impl Reign {
    /// Writes the claims down where the next leader will see them.
    pub(crate) async fn write(&mut self) -> Result<(), QueueError> {
        self.term.write(self.claims.to_note()).await
    }
}

/// Whether a slot may be claimed.
enum Room {
    Made,
    /// It is given up; that is reported.
    GivenUp,
    /// Asked to stop, or another may lead.
    Over,
}

impl Fetcher {
    /// Fetches slots for as long as `term` lasts. Each is claimed first: what another leader claimed is
    /// left alone. The error, if any, is what ended the term.
    pub(crate) async fn reign(
        &self,
        term: Box<dyn Term>,
        rung: &mut mpsc::Receiver<()>,
        standing: &mut Standing,
        stop: &CancellationToken,
    ) -> Option<QueueError> {
        let claims = Claims::from_note(term.note());
        let mut reign = Reign { term, claims };
        let claimed = reign.claims.slots(|slot| self.order(slot));
        let done = claimed.into_iter().chain(self.newest_loaded().await);
        let mut ticker = Ticker::new(self.settings.every, done);
        let mut told = None;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            if let Some(slot) = ticker.due(now) {
                if let Err(error) = self.claim_and_serve(slot, &mut reign, standing, stop).await {
                    return Some(error);
                }
                continue;
            }
            let next = schedule::end_of(Slot::current(now, self.settings.every), self.settings.every);
            if told.replace(next) != Some(next) && !standing.is_in_doubt() {
                info!(at = timestamp::to_text(next), "the next snapshot is due");
            }
            match self.idle(&mut reign, rung, standing, stop).await {
                Ok(true) => {}
                Ok(false) => {
                    if !standing.is_in_doubt() {
                        info!("another fetcher may lead now");
                    }
                    return None;
                }
                Err(error) => return Some(error),
            }
        }
        None
    }

    /// Looks after the claims until the bell is `rung` (`true`), the term is over (`false`), or `stop`. The error ended the
    /// term.
    async fn idle(
        &self,
        reign: &mut Reign,
        rung: &mut mpsc::Receiver<()>,
        standing: &mut Standing,
        stop: &CancellationToken,
    ) -> Result<bool, QueueError> {
        loop {
            self.take_stock(reign, standing, stop).await?;
            tokio::select! {
                () = stop.cancelled() => return Ok(true),
                () = reign.term.over() => return Ok(false),
                rung = rung.recv() => {
                    if rung.is_none() {
                        stop.cancelled().await;
                    }
                    return Ok(true);
                }
                () = self.published.notified() => {}
                () = self.clock.sleep(PROBATION), if standing.is_in_doubt() => self.prove(standing),
            }
        }
    }

    /// The queue took something, or has let lead for a while: whoever waits for it tries again.
    pub(crate) fn prove(&self, standing: &mut Standing) {
        if standing.prove() {
            self.pace.healed();
        }
    }

    /// Claims `slot` and fetches it. The error ended the term; then the slot may be claimed or not, which the next term
    /// tells.
    async fn claim_and_serve(
        &self,
        slot: Slot,
        reign: &mut Reign,
        standing: &mut Standing,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        if let Some(until) = standing.silent_until(self.clock.now()) {
            info!(%slot, until = timestamp::to_text(until), "skipped a slot: a limit of the API is reached");
            return Ok(());
        }
        let order = Manifest { claim: Claim::Intended, ..self.order(slot) };
        match self.make_room(&order, reign, stop).await {
            Room::Made => {}
            Room::GivenUp | Room::Over => return Ok(()),
        }
        self.crashes.pass(Point::Intended).await;
        reign.claims.add(&order, &self.spool.id(), self.clock.now());
        reign.write().await?;
        self.prove(standing);
        self.crashes.pass(Point::Claimed).await;
        self.serve(slot, standing, stop).await;
        Ok(())
    }

    /// Writes into the spool that the slot of `order` is about to be claimed, however often the disk refuses it while
    /// the slot and the term last: what the disk does not take is not paid for.
    async fn make_room(&self, order: &Manifest, reign: &mut Reign, stop: &CancellationToken) -> Room {
        let ends_at = schedule::end_of(order.slot, self.settings.every);
        let mut backoff = Backoff::default();
        loop {
            let is_first = backoff.is_fresh();
            let error = match self.intend(order).await {
                Ok(waiting) if waiting >= MOST_WAITING => {
                    let reason = format!("{waiting} batches wait for the queue; nothing more is fetched");
                    let hint = Some("look after the queue");
                    let code = "spool_full".to_owned();
                    self.give_up(order.slot, &GaveUp { code, reason, hint, until: None, lasts: true }).await;
                    return Room::GivenUp;
                }
                Ok(_) => {
                    if !is_first {
                        info!("the disk takes batches again");
                        self.pace.healed();
                    }
                    return Room::Made;
                }
                Err(error) => error,
            };
            let reason = format!(
                "the spool takes no batch, so nothing is fetched: {}",
                telemetry::error_chain(&error)
            );
            self.note_failure(&reason);
            let left = (ends_at - self.clock.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                let hint = Some("look after the disk that fetch.spool is on");
                let code = "spool_failed".to_owned();
                self.give_up(order.slot, &GaveUp { code, reason, hint, until: None, lasts: true }).await;
                return Room::GivenUp;
            }
            if is_first {
                warn!(batch = %order.batch, "{reason}");
                self.incidents.report("spool_failed", order.slot, &reason).await;
            }
            tokio::select! {
                waited = self.pace.wait(backoff.next_wait().min(left), stop) => if !waited { return Room::Over },
                () = reign.term.over() => return Room::Over,
            }
        }
    }

    /// Writes `order` into the spool, unless too many batches wait there; how many do.
    async fn intend(&self, order: &Manifest) -> Result<usize, SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        // One that cannot be read is in nobody's way here.
        let (batches, _) = self.incidents.report_found(found).await;
        if batches.len() < MOST_WAITING {
            let order = order.clone();
            blocking(&self.spool, move |spool| spool.put_manifest(&order)).await?;
        }
        Ok(batches.len())
    }
}

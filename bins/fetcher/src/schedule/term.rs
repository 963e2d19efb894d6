//! A term, the time for which a fetcher leads: slots come due, are claimed, and are fetched.
//!
//! This order of writes keeps a slot from being paid for twice, and from being lost silently:
//! 1. the spool: this slot is about to be claimed (`ClaimState::Intended`);
//! 2. the leaders' note: it is claimed, by this spool;
//! 3. the spool: it is claimed (`ClaimState::Claimed`). From now on its fetcher continues it after a restart, whichever fetcher leads;
//! 4. the pages, each in the spool before the next is asked for; the seal; the queue's confirmations;
//! 5. the leaders' note: settled.
//!
//! A fetcher that dies before 2 leaves the slot to the next leader. One that dies between 2 and 3 reads in the note, when it leads
//! again, whether it claimed. One that dies later continues. If it does not come back before the slot is over, the fetcher
//! that leads then writes a letter (`settle`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Slot, timestamp};
use ports::{QueueError, Term};
use stage::Point;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Scheduler;
use super::claims::Claims;
use super::course::Course;
use super::leader_state::{LeaderState, STABLE_AFTER};
use super::slots::Ticker;
use crate::collect::{Ending, GaveUp};
use crate::spool::Manifest;
use crate::subject::Subject;

/// A slot that is held back looks at the clock this often.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// A term, and what is claimed as far as its leader knows.
pub(super) struct LedTerm {
    term: Box<dyn Term>,
    pub(super) claims: Claims,
}

impl LedTerm {
    /// Writes the claims down where the next leader will see them.
    pub(super) async fn write(&mut self) -> Result<(), QueueError> {
        self.term.write(self.claims.to_note()).await
    }

    /// Whether another fetcher may lead now.
    pub(super) async fn is_over(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.term.over() => true,
            () = std::future::ready(()) => false,
        }
    }
}

impl Scheduler {
    /// Fetches slots for as long as `term` lasts. Each is claimed first: what another leader claimed is
    /// left alone. The error, if any, is what ended the term.
    pub(super) async fn serve_term(
        &self,
        term: Box<dyn Term>,
        rung: &mut mpsc::Receiver<()>,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) -> Option<QueueError> {
        let claims = Claims::from_note(term.note());
        let mut led = LedTerm { term, claims };
        self.collector.learn(led.claims.memory()).await;
        self.end_past(&led).await;
        let began_at = self.clock.now();
        let current = |course: &Course| self.collector.order_of(course.subject, course.current(began_at));
        let orders: Vec<_> = self.courses.iter().map(current).collect();
        let newest = self.loaded.newest(&orders, self.collector.is_simulated()).await;
        let newest_listing = newest.first().copied().flatten();
        self.follow(&mut led, began_at, newest_listing).await;
        let ticker = |(course, newest): (&Course, Option<Slot>)| {
            let claimed = led.claims.slots(|slot| self.collector.order_of(course.subject, slot));
            Ticker::new(course.every, course.offset, began_at, claimed.into_iter().chain(newest))
        };
        let mut tickers: Vec<_> = self.courses.iter().zip(newest).map(ticker).collect();
        let mut told = None;
        let mut has_claimed = false;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            // In their order: the listings first.
            let mut due = self.courses.iter().zip(&mut tickers);
            if let Some((course, slot)) = due.find_map(|(course, ticker)| Some((course, ticker.due(now)?))) {
                has_claimed = true;
                if course.subject == Subject::Listings {
                    self.account_for(slot, &mut led, newest_listing).await;
                }
                if let Err(error) = self.claim_and_fetch(course, slot, &mut led, state, stop).await {
                    return Some(error);
                }
                continue;
            }
            if let Some(given_way) = state.take_given_way(now) {
                self.go_on_with(given_way, state, stop).await;
                continue;
            }
            let nexts: Vec<_> = tickers.iter().map(|ticker| ticker.next(now)).collect();
            let next = nexts[0];
            if told.replace(next) != Some(next) && !state.is_in_doubt() {
                let at = timestamp::to_text(next);
                if has_claimed {
                    info!(at, "the next snapshot is due");
                } else {
                    info!(
                        at,
                        "this slot has a snapshot already, or one is under way; the next snapshot is due"
                    );
                }
            }
            let soonest = nexts.iter().copied().fold(next, DateTime::min);
            match self.catch_up(&mut led, state, soonest, stop).await {
                Ok(false) => {}
                Ok(true) => match self.settle_claims(&mut led, state, stop).await {
                    Ok(()) => continue,
                    Err(error) => return Some(error),
                },
                Err(error) => return Some(error),
            }
            // Later ones ring the bell.
            let is_held =
                |(course, next): &(&Course, DateTime<Utc>)| *next < course.end_of(course.current(now));
            let held = self.courses.iter().zip(nexts).filter(is_held).map(|(_, next)| next).min();
            match self.idle(&mut led, held, rung, state, stop).await {
                Ok(true) => {}
                Ok(false) => {
                    if !state.is_in_doubt() {
                        info!("another fetcher may lead now");
                    }
                    return None;
                }
                Err(error) => return Some(error),
            }
        }
        None
    }

    /// Settles claims until the bell is `rung`, or it is the time until which a slot is `held` back (`true`), the term is over (`false`), or `stop`. The error ended the
    /// term.
    async fn idle(
        &self,
        led: &mut LedTerm,
        held: Option<DateTime<Utc>>,
        rung: &mut mpsc::Receiver<()>,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) -> Result<bool, QueueError> {
        loop {
            self.settle_claims(led, state, stop).await?;
            if self.tell_schedule(led) {
                led.write().await?;
            }
            // Somebody may set the clock meanwhile.
            let left =
                held.map(|held| (held - self.clock.now()).to_std().unwrap_or_default().min(CLOCK_CHECK));
            tokio::select! {
                () = self.clock.sleep(left.unwrap_or_default()), if left.is_some() => return Ok(true),
                () = stop.cancelled() => return Ok(true),
                () = led.term.over() => return Ok(false),
                rung = rung.recv() => {
                    if rung.is_none() {
                        stop.cancelled().await;
                    }
                    return Ok(true);
                }
                () = self.published.notified() => {}
                () = self.clock.sleep(STABLE_AFTER), if state.is_in_doubt() => self.confirm(state),
            }
        }
    }

    /// The queue took something, or has let this fetcher lead for a while: it works, so all that wait for it try again.
    pub(super) fn confirm(&self, state: &mut LeaderState) {
        if state.confirm() {
            self.turns.healed();
        }
    }

    /// Claims `slot` of `course` and fetches it. The error ended the term; then the slot may be claimed or not, which the next term
    /// tells.
    async fn claim_and_fetch(
        &self,
        course: &Course,
        slot: Slot,
        led: &mut LedTerm,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        if let Some(until) = state.paused_until(self.clock.now())
            && until >= course.end_of(slot)
        {
            // The letter that told of the limit said until when.
            if course.subject == Subject::Listings {
                self.collector.miss(1, [slot]).await;
            }
            info!(%slot, until = timestamp::to_text(until), "skipped a slot: a limit of the API is reached");
            return Ok(());
        }
        let order = self.collector.order_of(course.subject, slot);
        if !self.record_intention(&order, course.end_of(slot), led, stop).await {
            return Ok(());
        }
        self.crashes.pass(Point::Intended).await;
        led.claims.add(&order, &self.collector.spool_id(), self.clock.now());
        self.write_note(led).await?;
        self.confirm(state);
        self.crashes.pass(Point::Claimed).await;
        if course.subject == Subject::Listings {
            self.collector.want_coins(self.wants_coins(led));
        }
        self.fetch_slot(course, slot, state, stop).await;
        Ok(())
    }

    /// Writes into the spool that the slot of `order` is about to be claimed, however often the disk refuses it while
    /// the slot and the term last: what the disk does not take is not paid for. `false` when it is not written: the slot is
    /// given up, which is reported, or it is over with the term.
    async fn record_intention(
        &self,
        order: &Manifest,
        ends_at: DateTime<Utc>,
        led: &mut LedTerm,
        stop: &CancellationToken,
    ) -> bool {
        // Cancelled when the term is over: then it is tried no more.
        let stop = stop.child_token();
        let mut intending = std::pin::pin!(self.collector.intend_patiently(order, ends_at, &stop));
        let intended = tokio::select! {
            intended = &mut intending => intended,
            () = led.term.over() => {
                stop.cancel();
                intending.await
            }
        };
        let gave_up = match intended {
            Ok(None) => return true,
            Ok(Some(waiting)) => GaveUp {
                code: "spool_full".to_owned(),
                reason: format!("{waiting} batches wait for the queue; nothing more is fetched"),
                hint: Some("look after the queue"),
                until: None,
                lasts: true,
            },
            Err(Ending::GaveUp(gave_up)) => gave_up,
            Err(Ending::Complete(_) | Ending::GaveWay(_) | Ending::Interrupted) => return false,
        };
        self.collector.give_up(order, &gave_up).await;
        if Subject::of(order) == Subject::Listings {
            self.collector.miss(1, [order.slot]).await;
        }
        false
    }
}

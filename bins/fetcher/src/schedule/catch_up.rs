//! Catching up: slots that nobody fetched are filled from the history, while no slot is due.
//!
//! The leader notes which slots were missed with the claim of the slot that ended the gap, and fills them window by window, the
//! newest first, one call at a time, so that a slot that comes due waits for one call at most. This order of writes keeps a window from being paid
//! for twice, and from being lost:
//! 1. its spool: batches without pages;
//! 2. the leaders' note: the window is owed no more, and is being filled by this spool;
//! 3. the answers, parted, each in the spool before the next call;
//! 4. the leaders' note: nothing is being filled;
//! 5. the batches are sealed, and published.
//!
//! A fetcher that dies in between goes on when it leads again. Another one that leads writes a letter after a while and leaves the window alone.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use config::CatchUp;
use domain::{BatchId, Slot, timestamp};
use ports::QueueError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Scheduler;
use super::leader_state::LeaderState;
use super::owed::{Filling, Owed};
use super::slots::end_of;
use super::term::LedTerm;
use crate::collect::{Ending, GaveUp, PastJob, Patience};
use crate::history::{KnownCoin, price, windows};
use crate::progress::NoObserver;

/// How far back hours are asked for: the plans that most have, have a month of them.
const REACH: TimeDelta = TimeDelta::days(30);
/// How long to wait before looking again whether it can be paid for.
const PAUSE: TimeDelta = TimeDelta::hours(1);
/// A window that another fetcher is filling is left to it for so long, or for a slot.
const LEFT_TO_OTHERS: TimeDelta = TimeDelta::hours(1);

impl Scheduler {
    /// Notes which slots before `slot`, which is about to be claimed, were missed and are to be filled. The note is written with the
    /// claim.
    pub(super) fn note_missed(&self, slot: Slot, led: &mut LedTerm) {
        let given_up = self.collector.take_missed();
        if self.catch_up == CatchUp::None {
            led.claims.owe(None);
            return;
        }
        let claimed = led.claims.slots(|slot| self.collector.order(slot));
        let newest = claimed.into_iter().filter(|claimed| *claimed < slot).max();
        let mut missed = given_up;
        missed.extend(newest.into_iter().flat_map(|newest| between(newest, slot, self.listings().every)));
        let (hours, others): (BTreeSet<_>, BTreeSet<_>) = missed.into_iter().partition(is_hour);
        if !others.is_empty() {
            warn!(
                slot_count = others.len(),
                "slots were missed that do not begin with an hour; the history cannot fill them"
            );
        }
        let (Some(first), Some(last)) = (hours.first().copied(), hours.last().copied()) else { return };
        let mut owed = self.owed(led);
        if self.catch_up == CatchUp::Last {
            owed.retain(&BTreeSet::from([last]));
        } else {
            owed.add(hours.iter().copied());
        }
        info!(slot_count = hours.len(), %first, %last, catch_up = ?self.catch_up, "slots were missed");
        led.claims.owe(Some(owed));
    }

    /// Whether the coins of the next snapshot are needed to fill gaps.
    pub(super) fn wants_coins(&self, led: &LedTerm) -> bool {
        !self.owed(led).is_empty()
    }

    /// Seals what this fetcher fetched of the past and had noted as done when it ended.
    pub(super) async fn end_past(&self, led: &LedTerm) {
        let owed = self.owed(led);
        let filling = owed.filling().filter(|filling| self.collector.is_own_spool(&filling.by));
        let window = filling.map(Filling::window).unwrap_or_default();
        self.collector.seal_begun(&window).await;
    }

    /// Does the next step of what is owed, unless something else comes first. The next slot comes due at `next`. Whether a step was
    /// done; the error ended the term.
    pub(super) async fn catch_up(
        &self,
        led: &mut LedTerm,
        state: &mut LeaderState,
        next: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<bool, QueueError> {
        let now = self.clock.now();
        let mut owed = self.owed(led);
        let is_held = state.paused_until(now).is_some() || state.is_catching_up_held(now);
        if self.catch_up == CatchUp::None
            || owed.is_empty()
            || is_held
            || stop.is_cancelled()
            || led.is_over().await
        {
            return Ok(false);
        }
        let Some(filling) = owed.filling() else {
            return self.begin_window(owed, led, state, next, stop).await;
        };
        let window = filling.window();
        if self.collector.is_own_spool(&filling.by) {
            return self.go_on(owed, &window, led, state, next, stop).await;
        }
        let every = TimeDelta::from_std(self.listings().every).unwrap_or(TimeDelta::MAX);
        if now - filling.since() <= every.max(LEFT_TO_OTHERS) {
            return Ok(false);
        }
        let reason = format!(
            "the gap {} is probably still there, or in part: the fetcher whose spool has the id {} began to fill it at {} and did \
             not say that it is filled. When it comes back, it publishes what it had fetched; then `coinpipe backfill` fills the rest",
            in_words(&window),
            filling.by,
            timestamp::to_text(filling.since())
        );
        warn!("{reason}");
        self.incidents.report("gap_left", in_words(&window), &reason).await;
        owed.end();
        self.write_owed(owed, led, state).await?;
        Ok(true)
    }

    /// Takes the newest window that is owed and can be paid for.
    async fn begin_window(
        &self,
        mut owed: Owed,
        led: &mut LedTerm,
        state: &mut LeaderState,
        next: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<bool, QueueError> {
        // The coins of a snapshot that was taken since the gap.
        let Some(coins) = self.collector.listed_coins() else { return Ok(false) };
        let now = self.clock.now();
        let wanted = self.still_missing(owed.slots(), now).await;
        if wanted != owed.slots() {
            owed.retain(&wanted);
            self.write_owed(owed.clone(), led, state).await?;
        }
        let Some(window) = windows(&wanted).pop() else { return Ok(true) };
        let Some(window) = self.affordable(&window, coins.len()) else {
            state.hold_catching_up(now + PAUSE);
            let reason = format!(
                "{} missed slots are not filled yet: what the plan has left is needed for the snapshots to come. They are filled when it \
                 has more, as far back as a month; `coinpipe backfill` fills them at once, and says what that costs",
                wanted.len()
            );
            self.incidents.report("gap_unpaid", self.collector.credits_month(), &reason).await;
            return Ok(false);
        };
        let job = past_job(&coins, next, stop);
        if let Err(ending) = self.collector.begin_past(job, &window).await {
            return self.put_off(ending, state, next).await;
        }
        let credits = price(coins.len(), &window.iter().copied().collect(), self.collector.currencies());
        info!(
            slot_count = window.len(),
            coin_count = coins.len(),
            credits,
            left = wanted.len() - window.len(),
            "filling a gap: {}",
            in_words(&window)
        );
        owed.begin(&window, &self.collector.spool_id(), now);
        self.write_owed(owed, led, state).await?;
        Ok(true)
    }

    /// Makes the next call for the window that this fetcher is filling; or ends it when all is there.
    async fn go_on(
        &self,
        mut owed: Owed,
        window: &[Slot],
        led: &mut LedTerm,
        state: &mut LeaderState,
        next: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<bool, QueueError> {
        let coins = match self.collector.past_coins().await {
            Ok(coins) => coins.unwrap_or_default(),
            Err(error) => {
                warn!("cannot read the spool: {}", telemetry::error_chain(&error));
                state.hold_catching_up(next);
                return Ok(false);
            }
        };
        let job = past_job(&coins, next, stop);
        let asked = match self.collector.missing_patiently(job, window).await {
            Ok(Some((page, slots))) => {
                if !self.collector.can_spare_credits(price(
                    coins.len().min(100),
                    &slots.iter().copied().collect(),
                    self.collector.currencies(),
                )) {
                    state.hold_catching_up(self.clock.now() + PAUSE);
                    return Ok(false);
                }
                self.collector.ask_hours(job, page, &slots).await.map(drop)
            }
            Ok(None) => {
                owed.end();
                self.write_owed(owed, led, state).await?;
                self.collector.seal_begun(&[]).await;
                return Ok(true);
            }
            Err(ending) => Err(ending),
        };
        match asked {
            Ok(()) => Ok(true),
            Err(Ending::GaveUp(gave_up)) if gave_up.lasts && gave_up.until.is_none() => {
                // Somebody has to act, and then fills what is missing.
                let left = owed.slots().len() + window.len();
                let GaveUp { code, reason, hint, .. } = gave_up;
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                let reason = format!(
                    "{left} missed slots are not filled: {reason}{hint}; `coinpipe backfill` fills them"
                );
                warn!(code, "{reason}");
                self.incidents.report("gap_refused", format!("{}/{code}", in_words(window)), &reason).await;
                led.claims.owe(None);
                led.write().await?;
                self.confirm(state);
                self.collector.seal_begun(&[]).await;
                Ok(true)
            }
            Err(ending) => self.put_off(ending, state, next).await,
        }
    }

    /// Tries again later.
    async fn put_off(
        &self,
        ending: Ending,
        state: &mut LeaderState,
        next: DateTime<Utc>,
    ) -> Result<bool, QueueError> {
        self.collector.stop_waiting().await;
        if let Ending::GaveUp(gave_up) = ending {
            let now = self.clock.now();
            let until = gave_up
                .until
                .map_or_else(String::new, |until| format!(" until {}", timestamp::to_text(until)));
            warn!(code = gave_up.code, "filling gaps waits{until}: {}", gave_up.reason);
            if gave_up.until.is_some() {
                // The key's limit, which the snapshots have, too.
                state.pause_until(gave_up.until, now);
            }
            state.hold_catching_up(next.max(now + TimeDelta::minutes(1)));
        }
        Ok(false)
    }

    /// Those of `slots` that the plans reach and that the tables do not know.
    async fn still_missing(&self, slots: BTreeSet<Slot>, now: DateTime<Utc>) -> BTreeSet<Slot> {
        let reached: BTreeSet<_> =
            slots.iter().copied().filter(|slot| now - slot.starts_at() <= REACH).collect();
        if reached.len() < slots.len() {
            warn!(
                slot_count = slots.len() - reached.len(),
                "slots were missed more than 30 days ago; they are not filled"
            );
        }
        let ids: Vec<(BatchId, Slot)> = reached
            .iter()
            .flat_map(|slot| {
                let live = self.collector.order(*slot).batch;
                [(live, *slot), (self.collector.past_order(*slot, 1).batch, *slot)]
            })
            .collect();
        let known = self.loaded.known(&ids.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>()).await;
        let filled: BTreeSet<_> =
            ids.into_iter().filter(|(id, _)| known.contains(id)).map(|(_, slot)| slot).collect();
        reached.difference(&filled).copied().collect()
    }

    /// As many of the newest slots of `window` as can be paid for without taking anything from the snapshots to come.
    fn affordable(&self, window: &[Slot], coins: usize) -> Option<Vec<Slot>> {
        let currencies = self.collector.currencies();
        let parts = (0..window.len()).map(|first| &window[first..]);
        let mut fitting = parts.filter(|part| {
            let credits = price(coins, &part.iter().copied().collect(), currencies);
            self.collector.can_spare_credits(credits)
        });
        fitting.next().map(<[Slot]>::to_vec)
    }

    fn owed(&self, led: &LedTerm) -> Owed {
        let of = self.collector.past_source();
        led.claims.owed().filter(|owed| owed.is_of(&of)).cloned().unwrap_or_else(|| Owed::new(&of))
    }

    async fn write_owed(
        &self,
        owed: Owed,
        led: &mut LedTerm,
        state: &mut LeaderState,
    ) -> Result<(), QueueError> {
        led.claims.owe(Some(owed).filter(|owed| !owed.is_empty()));
        led.write().await?;
        self.confirm(state);
        Ok(())
    }
}

fn past_job<'j>(coins: &'j [KnownCoin], next: DateTime<Utc>, stop: &'j CancellationToken) -> PastJob<'j> {
    PastJob { coins, patience: Patience::UntilNextSlot(next), observer: &NoObserver, stop }
}

/// The slots between two, as far as the history reaches.
fn between(after: Slot, before: Slot, every: Duration) -> BTreeSet<Slot> {
    let reached = before.starts_at() - REACH;
    let mut slots = BTreeSet::new();
    let mut slot = Slot::current(end_of(after, every).max(reached), every);
    while slot < before {
        if slot > after {
            slots.insert(slot);
        }
        let next = Slot::at(end_of(slot, every));
        if next <= slot {
            break;
        }
        slot = next;
    }
    slots
}

fn is_hour(slot: &Slot) -> bool {
    let at = slot.starts_at();
    at.minute() == 0 && at.second() == 0
}

/// The first and the last slot of `window`.
fn in_words(window: &[Slot]) -> String {
    match (window.first(), window.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(first), _) => first.to_string(),
        _ => "of no slot".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(text: &str) -> Slot {
        Slot::at(timestamp::from_text(text).unwrap())
    }

    #[test]
    fn the_slots_between_two_are_those_of_the_schedule() {
        let hour = Duration::from_hours(1);
        let found = between(slot("2026-11-22T14:00:00Z"), slot("2026-11-22T17:00:00Z"), hour);
        assert_eq!(found, BTreeSet::from([slot("2026-11-22T15:00:00Z"), slot("2026-11-22T16:00:00Z")]));
        let found = between(slot("2026-11-22T14:30:00Z"), slot("2026-11-22T17:00:00Z"), hour);
        assert_eq!(found.len(), 2);
        assert_eq!(between(slot("2026-11-22T14:00:00Z"), slot("2026-11-22T15:00:00Z"), hour).len(), 0);
        // No further than the history reaches.
        assert_eq!(between(slot("2020-01-01T00:00:00Z"), slot("2026-11-22T15:00:00Z"), hour).len(), 720);
        assert_eq!(
            between(slot("2026-11-22T14:00:00Z"), slot("2026-11-22T15:00:00Z"), Duration::MAX).len(),
            0
        );
        let half = between(slot("2026-11-22T14:00:00Z"), slot("2026-11-22T16:00:00Z"), hour / 2);
        assert_eq!(half.iter().filter(|slot| is_hour(slot)).count(), 1);
    }
}

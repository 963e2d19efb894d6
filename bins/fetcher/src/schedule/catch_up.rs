//! Catching up: slots that nobody fetched are filled from the history, while no slot is due.
//!
//! The leader notes which slots were missed, those of which its letters and counters tell and no others, and fills them window by window, the
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

use chrono::{DateTime, TimeDelta, Utc};
use config::CatchUp;
use domain::{HeldSlots, Slot, endpoint, timestamp};
use ports::{BatchRecord, QueueError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Scheduler;
use super::leader_state::LeaderState;
use super::owed::{Filling, Owed};
use super::term::LedTerm;
use crate::collect::{Ending, GaveUp, PastJob, Patience, Spare};
use crate::history::{HOUR, PastCoins, REACH, is_hour, price, windows};
use crate::progress::NoObserver;

/// How long to wait before looking again whether it can be paid for.
const PAUSE: TimeDelta = TimeDelta::hours(1);
/// How long to wait for tables, or an API, that do not say what has to be known.
const UNANSWERED: TimeDelta = TimeDelta::minutes(1);
/// A window that another fetcher is filling is left to it for so long, or for a slot.
const LEFT_TO_OTHERS: TimeDelta = TimeDelta::hours(1);

impl Scheduler {
    /// Notes which slots were missed and are to be filled. The note is yet to be written. The slots that it is about.
    fn owe_missed(&self, led: &mut LedTerm) -> BTreeSet<Slot> {
        let missed = self.collector.missed();
        let (hours, others): (BTreeSet<_>, BTreeSet<_>) = missed.iter().copied().partition(is_hour);
        if !others.is_empty() {
            warn!(
                slot_count = others.len(),
                "slots were missed that do not begin with an hour; the history cannot fill them"
            );
        }
        if let (Some(first), Some(last)) = (hours.first(), hours.last()) {
            info!(slot_count = hours.len(), %first, %last, catch_up = ?self.catch_up, "slots were missed");
            let mut owed = self.owed(led);
            owed.add(hours.iter().copied());
            if self.catch_up == CatchUp::Last {
                owed.retain(&owed.slots().last().copied().into_iter().collect());
            }
            led.claims.owe(Some(owed));
        }
        missed
    }

    /// Whether slots were missed of which the note does not know.
    pub(super) fn has_missed(&self) -> bool {
        !self.collector.missed().is_empty()
    }

    /// Writes the note, with the slots that were missed; only then the spool forgets them.
    pub(super) async fn write_note(&self, led: &mut LedTerm) -> Result<(), QueueError> {
        if self.catch_up == CatchUp::None {
            led.claims.owe(None);
        }
        let noted = self.owe_missed(led);
        led.write().await?;
        self.collector.forget_missed(&noted).await;
        Ok(())
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
        let (all, some) = (PastCoins::all(coins.clone()), PastCoins::some(coins));
        let Some((wanted, whole)) = self.still_missing(owed.slots(), &all, &some, now).await else {
            // What is there would be paid for again.
            state.hold_catching_up(now + UNANSWERED);
            return Ok(false);
        };
        if wanted != owed.slots() {
            owed.retain(&wanted);
            self.write_owed(owed.clone(), led, state).await?;
        }
        let Some(newest) = wanted.last() else { return Ok(true) };
        // What is filled with all coins and what is filled with some are batches of other names.
        let is_whole = whole.contains(newest);
        let coins = if is_whole { all } else { some };
        let alike = wanted.iter().copied().filter(|slot| whole.contains(slot) == is_whole).collect();
        let Some(window) = windows(&alike).pop() else { return Ok(true) };
        let spare = self.collector.spare_credits().await;
        let Some(window) = self.affordable(&window, coins.count(), spare) else {
            if spare == Spare::Unknown {
                // It is asked soon: what is spent without knowing may be what the snapshots to come need.
                state.hold_catching_up(now + UNANSWERED);
                warn!("gaps are not filled while the API does not say what the plan has left");
                return Ok(false);
            }
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
        let credits = self.price_of(&window, coins.count());
        info!(
            slot_count = window.len(),
            coin_count = coins.count(),
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
        let coins = match self.collector.past_coins_in(window).await {
            Ok(coins) => coins.unwrap_or_default(),
            Err(error) => {
                warn!("cannot read the spool: {}", telemetry::error_chain(&error));
                state.hold_catching_up(next);
                return Ok(false);
            }
        };
        let job = past_job(&coins, next, stop);
        let asked = match self.collector.missing_patiently(job, window).await {
            Ok(Some(missing)) => {
                let price = self.collector.price_of_call(&missing, &coins);
                let spare = self.collector.spare_credits().await;
                if !spare.pays_for(self.collector.past_price_as_taken(price)) {
                    let pause = if spare == Spare::Unknown { UNANSWERED } else { PAUSE };
                    state.hold_catching_up(self.clock.now() + pause);
                    return Ok(false);
                }
                self.collector.ask_hours(job, &missing).await.map(drop)
            }
            Ok(None) => {
                self.collector.note_paid(window, &coins).await;
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

    /// Those of `slots` that the plans reach and the tables keep, that are not in the tables, and that nobody on this machine fetched by
    /// hand; and those of them that `all` coins fill, when of others there are only `some`. `None` while the tables do not answer.
    async fn still_missing(
        &self,
        slots: BTreeSet<Slot>,
        all: &PastCoins,
        some: &PastCoins,
        now: DateTime<Utc>,
    ) -> Option<(BTreeSet<Slot>, BTreeSet<Slot>)> {
        let keep =
            TimeDelta::from_std(self.keep).ok().filter(|keep| !keep.is_zero()).unwrap_or(TimeDelta::MAX);
        let mut reached: BTreeSet<_> =
            slots.iter().copied().filter(|slot| now - slot.starts_at() <= REACH.min(keep)).collect();
        if reached.len() < slots.len() {
            let slot_count = slots.len() - reached.len();
            if keep < REACH {
                warn!(
                    slot_count,
                    "slots were missed that are older than [history] keep; they are not filled"
                );
            } else {
                warn!(slot_count, "slots were missed more than 30 days ago; they are not filled");
            }
        }
        let (Some(first), Some(last)) = (reached.first(), reached.last()) else {
            return Some((reached, BTreeSet::new()));
        };
        // Another schedule than this one may have missed them: each is an hour at least.
        let every = self.listings().every.min(HOUR);
        let until = timestamp::later(last.starts_at(), every);
        let fetched = self.loaded.held(first.starts_at(), until).await?;
        let mut held = HeldSlots::default();
        for one in &fetched.slots {
            held.add(&one.endpoint, &one.convert, one.slot, ());
        }
        let convert = self.collector.order(*first).convert;
        let whole =
            self.loaded.filled_by(&reached, all.count(), self.collector.judge_settings().fewer).await?;
        let filled = |slot: &Slot| if whole.contains(slot) { all } else { some }.batch(*slot, &convert);
        // What was dropped would not be loaded again under its name; what lacks coins may have them by now.
        let records = self.loaded.known(&reached.iter().map(filled).collect::<Vec<_>>()).await?;
        let known: BTreeSet<_> = records.iter().map(|record| record.id.clone()).collect();
        let by_hand = self.collector.taken_by_hand();
        self.collector.forget_paid(&known).await;
        let is_left = |record: &BatchRecord| record.dropped.is_none() && record.lacks_coins();
        let left: BTreeSet<_> = records.into_iter().filter(is_left).map(|record| record.id).collect();
        reached.retain(|slot| {
            let is_there = |endpoint| held.within(endpoint, &convert, *slot, every).is_some();
            let batch = filled(slot);
            !([endpoint::LISTINGS, endpoint::QUOTES, endpoint::HISTORY].into_iter().any(is_there)
                || known.contains(&batch) && !left.contains(&batch)
                || by_hand.contains(&batch))
        });
        Some((reached, whole))
    }

    /// What filling `window` costs.
    fn price_of(&self, window: &[Slot], coins: usize) -> u64 {
        let currencies = self.collector.past_currencies(self.collector.past_calls());
        self.collector.past_price_as_taken(price(coins, &window.iter().copied().collect(), currencies))
    }

    /// As many of the newest slots of `window` as can be paid for without taking anything from the snapshots to come.
    fn affordable(&self, window: &[Slot], coins: usize, spare: Spare) -> Option<Vec<Slot>> {
        let fits = |part: &&[Slot]| spare.pays_for(self.price_of(part, coins));
        let mut fitting = (0..window.len()).map(|first| &window[first..]).filter(fits);
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

fn past_job<'j>(coins: &'j PastCoins, next: DateTime<Utc>, stop: &'j CancellationToken) -> PastJob<'j> {
    PastJob { coins, patience: Patience::UntilNextSlot(next), observer: &NoObserver, stop, pace: None }
}

/// The first and the last slot of `window`.
fn in_words(window: &[Slot]) -> String {
    match (window.first(), window.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(first), _) => first.to_string(),
        _ => "of no slot".to_owned(),
    }
}

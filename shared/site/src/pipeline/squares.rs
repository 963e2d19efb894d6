//! The last slots, one square each: what became of the snapshot that was due.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::endpoint::HISTORY;
use domain::{BatchId, Doubt, DueSlot, HeldSlots, MarketKind, Schedule, Slot, one_line, scheduled_slots};
use ports::StoreError;
use ports::store::BatchRecord;
use service::{Held, Stores};

use crate::in_the_way::in_the_way;

/// As many squares are looked into at most: one of each schedule comes, and the one before it.
const LOOKED_INTO: usize = 8;

/// The longest text from elsewhere, in characters.
const REASON: usize = 300;

/// What became of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Every coin is in the tables.
    Complete,
    /// Something of it is missing.
    Incomplete,
    /// It is whole, and hardly true.
    Suspect,
    /// Nothing of it was fetched.
    Missed,
    /// It was filled in later, from the API's history.
    Backfilled,
    /// It was taken out of the tables.
    Dropped,
    /// It may still come, and a dead letter says what is in the way.
    Troubled,
    /// It may still come.
    Coming,
}

impl State {
    /// All of them, as a legend lists them.
    pub const ALL: [Self; 8] = [
        Self::Complete,
        Self::Incomplete,
        Self::Suspect,
        Self::Missed,
        Self::Backfilled,
        Self::Dropped,
        Self::Troubled,
        Self::Coming,
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Suspect => "suspect",
            Self::Missed => "missed",
            Self::Backfilled => "backfilled",
            Self::Dropped => "dropped",
            Self::Troubled => "in trouble",
            Self::Coming => "on its way",
        }
    }

    /// The sign, for those who do not tell its colour from others.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Complete => "✓",
            Self::Incomplete => "½",
            Self::Suspect => "?",
            Self::Missed => "✕",
            Self::Backfilled => "↶",
            Self::Dropped => "–",
            Self::Troubled => "!",
            Self::Coming => "…",
        }
    }
}

/// A slot that was due, or of which a snapshot was taken before any was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Square {
    /// The slot.
    pub slot: Slot,
    /// What became of it.
    pub state: State,
    /// The batch that stands for it, or should.
    pub batch: BatchId,
    /// What there is to say beside its state; empty mostly.
    pub why: String,
}

/// The batches whose records [`squares`] needs: those that stand for the slots of the span, and for the others those that should.
pub(crate) fn wanted(
    schedules: &[Schedule],
    held: &Held,
    span: (DateTime<Utc>, DateTime<Utc>),
) -> Vec<BatchId> {
    let mut ids: Vec<_> = places(schedules, held, span).into_iter().map(|place| place.batch).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What became of the slots of the span, oldest first. `records` are of the batches that were [`wanted`].
pub(crate) fn squares(
    schedules: &[Schedule],
    held: &Held,
    records: &[BatchRecord],
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Vec<Square> {
    let records: BTreeMap<_, _> = records.iter().map(|record| (&record.id, record)).collect();
    let square = |place: Place<'_>| {
        let record = records.get(&place.batch).filter(|record| place.is_held || record.dropped.is_some());
        // What nobody had to take is as it is.
        let is_due = place.due.is_none_or(|due| due.is_due(now));
        let (state, why) = state(is_due, record.copied());
        Square { slot: place.slot, state, batch: place.batch, why }
    };
    let mut squares: Vec<_> = places(schedules, held, span).into_iter().map(square).collect();
    squares.sort_by_key(|square| square.slot);
    squares
}

/// A slot of the strip.
struct Place<'a> {
    slot: Slot,
    /// What was scheduled; `None` for a snapshot that was taken without.
    due: Option<DueSlot<'a>>,
    /// The batch that stands for it, or should.
    batch: BatchId,
    /// Whether that is there.
    is_held: bool,
}

/// Each slot of the span that was scheduled, and before the first of them those of which a snapshot was taken all the same: by hand, or at the first
/// start. What was filled in later only in part stands for a slot that nothing else does.
fn places<'a>(
    schedules: &'a [Schedule],
    held: &Held,
    span: (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Place<'a>> {
    let whole = held.by_slot();
    let mut partial = HeldSlots::default();
    // What was filled in of some coins alone stands for none.
    let of_all = held.partial.iter().filter(|one| one.id.coins_named().is_none());
    for BatchRecord { id, slot, endpoint, convert, .. } in of_all {
        partial.add(endpoint, convert, *slot, id);
    }
    let place = |one: DueSlot<'a>| {
        let (schedule, slot) = (one.schedule, one.slot);
        let found = whole.of_schedule(schedule, slot).or_else(|| partial.of_schedule(schedule, slot));
        let batch = found.map_or_else(|| one.batch(), |batch| (*batch).clone());
        Place { slot, due: Some(one), batch, is_held: found.is_some() }
    };
    let mut places: Vec<_> = scheduled_slots(schedules, span).map(place).collect();
    let first = places.iter().map(|place| place.slot).min();
    let before = held.slots.iter().filter(|one| {
        MarketKind::of_endpoint(&one.endpoint).is_none() && first.is_none_or(|first| one.slot < first)
    });
    places.extend(before.map(|one| Place {
        slot: one.slot,
        due: None,
        batch: one.batch.clone(),
        is_held: true,
    }));
    places
}

fn state(is_due: bool, record: Option<&BatchRecord>) -> (State, String) {
    let Some(record) = record else {
        return (if is_due { State::Missed } else { State::Coming }, String::new());
    };
    if let Some(dropped) = &record.dropped {
        return (State::Dropped, one_line(&dropped.why, REASON));
    }
    if !record.is_complete() {
        if !is_due {
            return (State::Coming, String::new());
        }
        let shown: Vec<_> = record.missing.iter().take(3).map(ToString::to_string).collect();
        let more = record.missing.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return (State::Incomplete, format!("{}{more} missing", shown.join(", ")));
    }
    match &record.verdict {
        Some(verdict) if verdict.doubt == Doubt::Incomplete => {
            (State::Incomplete, one_line(&verdict.why, REASON))
        }
        Some(verdict) => (State::Suspect, one_line(&verdict.why, REASON)),
        None if record.is_refused() => (State::Incomplete, "every coin was rejected".to_owned()),
        None if record.endpoint == HISTORY => (State::Backfilled, String::new()),
        None => (State::Complete, String::new()),
    }
}

/// What is in the way of what the newest squares lack. `records` are of their batches.
pub(crate) async fn look_into(
    squares: &mut [Square],
    records: &[BatchRecord],
    stores: &Stores,
) -> Result<(), StoreError> {
    let is_fetched =
        |batch: &BatchId| records.iter().any(|record| record.id == *batch && record.fetched_at.is_some());
    for state in [State::Coming, State::Incomplete] {
        let lacking = squares.iter_mut().rev().filter(|square| square.state == state);
        for square in lacking.take(LOOKED_INTO) {
            let Some(what) = in_the_way(stores, &square.batch, is_fetched(&square.batch)).await? else {
                continue;
            };
            if state == State::Coming {
                square.state = State::Troubled;
            }
            square.why = if square.why.is_empty() { what } else { format!("{}; {what}", square.why) };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The last slots, one square each: what became of the snapshot that was due.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::endpoint::HISTORY;
use domain::{BatchId, Doubt, HeldSlots, Schedule, Slot, in_force, one_line, timestamp};
use ports::FetchedSlot;
use ports::store::BatchRecord;

/// A slot is fetched until the next one begins, and then has this time to be loaded.
const LOADED_WITHIN: Duration = Duration::from_mins(5);

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
    /// It may still come.
    Coming,
}

impl State {
    /// All of them, as a legend lists them.
    pub const ALL: [Self; 7] = [
        Self::Complete,
        Self::Incomplete,
        Self::Suspect,
        Self::Missed,
        Self::Backfilled,
        Self::Dropped,
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
            Self::Coming => "…",
        }
    }
}

/// A slot that was due.
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

/// The batches whose records [`squares`] needs: those that stand for the slots due in the span, and for the others those that should.
pub(crate) fn wanted(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    span: (DateTime<Utc>, DateTime<Utc>),
) -> Vec<BatchId> {
    let mut ids: Vec<_> = due(schedules, fetched, span).into_iter().map(|(.., batch, _)| batch).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What became of the slots that were due in the span, oldest first. `records` are of the batches that were [`wanted`].
pub(crate) fn squares(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    records: &[BatchRecord],
    span: (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Vec<Square> {
    let records: BTreeMap<_, _> = records.iter().map(|record| (&record.id, record)).collect();
    let due = due(schedules, fetched, span);
    let mut squares: Vec<_> = due
        .into_iter()
        .map(|(slot, every, batch, is_held)| {
            let record = records.get(&batch).copied();
            let (state, why) =
                state(slot, every, record.filter(|record| is_held || record.dropped.is_some()), now);
            Square { slot, state, batch, why }
        })
        .collect();
    squares.sort_by_key(|square| square.slot);
    squares
}

/// Each slot that was due, how long it is, the batch that stands for it, and whether that is there.
fn due(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<(Slot, Duration, BatchId, bool)> {
    let mut held = HeldSlots::default();
    for FetchedSlot { batch, slot, endpoint, convert } in fetched {
        // What was fetched of some coins alone stands for none.
        if batch.coins_named().is_none() {
            held.add(endpoint, convert, *slot, batch);
        }
    }
    let mut due = Vec::new();
    for one in in_force(schedules) {
        let schedule = one.schedule;
        for slot in one.slots(from, to) {
            let found = held.of_schedule(schedule, slot).map(|batch| (*batch).clone());
            let is_held = found.is_some();
            let batch = found.unwrap_or_else(|| BatchId::new(slot, &schedule.endpoint, &schedule.convert));
            due.push((slot, schedule.every, batch, is_held));
        }
    }
    due
}

fn state(slot: Slot, every: Duration, record: Option<&BatchRecord>, now: DateTime<Utc>) -> (State, String) {
    let may_come = timestamp::later(timestamp::later(slot.starts_at(), every), LOADED_WITHIN) > now;
    let Some(record) = record else {
        return if may_come { (State::Coming, String::new()) } else { (State::Missed, String::new()) };
    };
    if let Some(dropped) = &record.dropped {
        return (State::Dropped, one_line(&dropped.why, REASON));
    }
    if !record.is_complete() {
        if may_come {
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
        None if record.endpoint == HISTORY => (State::Backfilled, String::new()),
        None => (State::Complete, String::new()),
    }
}

#[cfg(test)]
mod tests;

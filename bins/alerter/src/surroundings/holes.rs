//! What is not in the database: slots that nobody fetched, parts of batches that were not loaded, rejected coins.

use chrono::{DateTime, Utc};
use domain::{Doubt, DueSlot, Schedule, Slot, begun_slots};
use ports::FetchedSlot;
use ports::store::{BatchRecord, Missing};
use service::held_slots;

use super::Database;
use crate::newest::is_of_snapshots;

/// Something that should be in the database and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Slots, one after the other, of which nothing was fetched.
    Slots {
        first: Slot,
        last: Slot,
        count: u64,
        /// How many coins each would have, by the last one that is whole.
        coins: Option<u64>,
    },
    /// Slots, one after the other, whose snapshots did not come yet, and still may.
    Late { first: Slot, last: Slot, count: u64 },
    /// Parts of a batch that are not loaded.
    Parts {
        batch: What,
        missing: Vec<Missing>,
        /// How many coins these are, about.
        coins: Option<u64>,
        /// When anything of the batch came last.
        since: Option<DateTime<Utc>>,
    },
    /// The API did not send all coins of a batch.
    NotSent { batch: What, why: String },
    /// Coins of a batch that a rule or the database rejected.
    Rejected { batch: What, rejected: u64, of: u64 },
}

/// Which batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct What {
    pub(crate) slot: Slot,
    pub(crate) endpoint: String,
}

impl Hole {
    /// When it begins.
    fn slot(&self) -> Slot {
        match self {
            Self::Slots { first, .. } | Self::Late { first, .. } => *first,
            Self::Parts { batch, .. } | Self::NotSent { batch, .. } | Self::Rejected { batch, .. } => {
                batch.slot
            }
        }
    }
}

/// What is in the database and what is not, of what was due in a span; `held` are the slots that need no other batch. What it cost is
/// not said.
pub(super) fn database(
    schedules: &[Schedule],
    held: &[FetchedSlot],
    batches: &[BatchRecord],
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> Database {
    let batches: Vec<_> =
        batches.iter().filter(|batch| batch.slot.starts_at() >= since && batch.dropped.is_none()).collect();
    let whole = batches.iter().find(|batch| {
        is_of_snapshots(&batch.endpoint)
            && batch.fetched_at.is_some()
            && batch.is_complete()
            && !batch.lacks_coins()
    });
    let last_whole = whole.map(|batch| (batch.slot, batch.coins_in));
    let coins = last_whole.map(|(_, coins)| coins);
    let (due, mut holes) = missing_slots(schedules, held, (since, now), coins);
    holes.extend(batches.iter().flat_map(|batch| of_batch(batch, coins)));
    holes.sort_by_key(|hole| std::cmp::Reverse(hole.slot()));
    let snapshots = batches.iter().filter(|batch| is_of_snapshots(&batch.endpoint));
    Database {
        since,
        due: (!schedules.is_empty()).then_some(due),
        fetched: snapshots.count() as u64,
        holes,
        last_whole,
        credits: 0,
    }
}

/// How many slots were due, those that may still come included, and those that nothing holds.
fn missing_slots(
    schedules: &[Schedule],
    held: &[FetchedSlot],
    (since, now): (DateTime<Utc>, DateTime<Utc>),
    coins: Option<u64>,
) -> (u64, Vec<Hole>) {
    let held = held_slots(held);
    let (mut due, mut holes) = (0, Vec::new());
    // Slots of one schedule that follow each other.
    let mut run: Option<(DueSlot<'_>, DueSlot<'_>, u64)> = None;
    let hole = |(first, last, count): (DueSlot<'_>, DueSlot<'_>, u64)| {
        let is_due = first.is_due(now);
        let (first, last) = (first.slot, last.slot);
        if is_due { Hole::Slots { first, last, count, coins } } else { Hole::Late { first, last, count } }
    };
    for one in begun_slots(schedules, (since, now), now) {
        due += 1;
        let is_missing = held.of_schedule(one.schedule, one.slot).is_none();
        let goes_on = run.filter(|(_, last, _)| {
            let is_next = std::ptr::eq(last.schedule, one.schedule) && last.ends_at() == one.slot;
            is_missing && is_next && last.is_due(now) == one.is_due(now)
        });
        if let Some((first, _, count)) = goes_on {
            run = Some((first, one, count + 1));
        } else {
            holes.extend(run.take().map(hole));
            run = is_missing.then_some((one, one, 1));
        }
    }
    holes.extend(run.map(hole));
    (due, holes)
}

/// What of a batch is not there; `coins` is how many a whole snapshot has.
fn of_batch(batch: &BatchRecord, coins: Option<u64>) -> Vec<Hole> {
    let what = || What { slot: batch.slot, endpoint: batch.endpoint.clone() };
    let mut holes = Vec::new();
    if !batch.is_complete() {
        let coins = coins.filter(|_| is_of_snapshots(&batch.endpoint));
        holes.push(Hole::Parts {
            batch: what(),
            missing: batch.missing.clone(),
            coins: coins.map(|coins| coins.saturating_sub(batch.coins_in)).filter(|coins| *coins > 0),
            since: batch.loaded_at.or(batch.fetched_at),
        });
    }
    if let Some(verdict) = batch.verdict.as_ref().filter(|verdict| verdict.doubt == Doubt::Incomplete) {
        holes.push(Hole::NotSent { batch: what(), why: verdict.why.clone() });
    }
    if batch.rejected > 0 {
        holes.push(Hole::Rejected { batch: what(), rejected: batch.rejected, of: batch.coins_in });
    }
    holes
}

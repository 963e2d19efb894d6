//! What is not in the database: slots that nobody fetched, parts of batches that were not loaded, rejected coins.

use chrono::{DateTime, Utc};
use domain::endpoint::LISTINGS;
use domain::{Doubt, Schedule, Slot, in_force, timestamp};
use ports::FetchedSlot;
use ports::store::{BatchRecord, Missing};

use super::Database;
use crate::held_slots::held_slots;

/// A slot is fetched until the next one begins, and then has this time to be loaded.
const LOADED_WITHIN: std::time::Duration = std::time::Duration::from_mins(5);

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
            Self::Slots { first, .. } => *first,
            Self::Parts { batch, .. } | Self::NotSent { batch, .. } | Self::Rejected { batch, .. } => {
                batch.slot
            }
        }
    }
}

/// What is in the database and what is not, of what was due in a span.
pub(super) fn database(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    batches: &[BatchRecord],
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> Database {
    let batches: Vec<_> =
        batches.iter().filter(|batch| batch.slot.starts_at() >= since && batch.dropped.is_none()).collect();
    let whole = batches.iter().find(|batch| {
        batch.endpoint == LISTINGS
            && batch.fetched_at.is_some()
            && batch.is_complete()
            && !batch.lacks_coins()
    });
    let last_whole = whole.map(|batch| (batch.slot, batch.coins_in));
    let coins = last_whole.map(|(_, coins)| coins);
    let (due, mut holes) = missing_slots(schedules, fetched, (since, now), coins);
    holes.extend(batches.iter().flat_map(|batch| of_batch(batch, coins)));
    holes.sort_by_key(|hole| std::cmp::Reverse(hole.slot()));
    let snapshots = batches.iter().filter(|batch| batch.endpoint == LISTINGS);
    Database {
        since,
        due: (!schedules.is_empty()).then_some(due),
        fetched: snapshots.count() as u64,
        holes,
        last_whole,
        credits: batches.iter().filter_map(|batch| batch.credits).map(u64::from).sum(),
    }
}

/// How many slots were due, and those of which nothing was fetched. What may still be fetched, or loaded, is not due yet.
fn missing_slots(
    schedules: &[Schedule],
    fetched: &[FetchedSlot],
    (since, now): (DateTime<Utc>, DateTime<Utc>),
    coins: Option<u64>,
) -> (u64, Vec<Hole>) {
    let held = held_slots(fetched);
    let (mut due, mut holes) = (0, Vec::new());
    for one in in_force(schedules) {
        let schedule = one.schedule;
        let mut run: Option<(Slot, Slot, u64)> = None;
        let mut close = |run: &mut Option<(Slot, Slot, u64)>| {
            holes.extend(run.take().map(|(first, last, count)| Hole::Slots { first, last, count, coins }));
        };
        for slot in one.slots(since, now) {
            let ends_at = timestamp::later(slot.starts_at(), schedule.every);
            if timestamp::later(ends_at, LOADED_WITHIN) > now {
                break;
            }
            due += 1;
            let is_there = held.of_schedule(schedule, slot).is_some();
            match &mut run {
                _ if is_there => close(&mut run),
                Some((_, last, count)) => (*last, *count) = (slot, *count + 1),
                None => run = Some((slot, slot, 1)),
            }
        }
        close(&mut run);
    }
    (due, holes)
}

/// What of a batch is not there; `coins` is how many a whole snapshot has.
fn of_batch(batch: &BatchRecord, coins: Option<u64>) -> Vec<Hole> {
    let what = || What { slot: batch.slot, endpoint: batch.endpoint.clone() };
    let mut holes = Vec::new();
    if !batch.is_complete() {
        let coins = coins.filter(|_| batch.endpoint == LISTINGS);
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

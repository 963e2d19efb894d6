//! Which slots need no other batch. Everybody who tells of gaps, lists them or fills them asks here.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{BatchId, HeldSlots, endpoint};
use ports::store::BatchRecord;
use ports::{FetchedSlot, Ledger, Schedules, StoreError};

/// So many batches are looked up in one statement.
const LOOKED_UP: usize = 100;

/// Slots that have a batch.
#[derive(Debug, Default)]
pub struct Held {
    /// Those that need no other: of a snapshot, whole or not, or filled with all coins. In their order.
    pub slots: Vec<FetchedSlot>,
    /// Batches of the past that leave something to be filled.
    pub partial: Vec<BatchRecord>,
    /// Batches of the past among `slots` of which a part is not loaded, or not yet.
    pub unloaded: BTreeSet<BatchId>,
}

impl Held {
    /// The slots from `from` on and before `to` that have a batch, snapshots that were taken by hand included.
    pub async fn between(
        schedules: &dyn Schedules,
        ledger: &dyn Ledger,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Self, StoreError> {
        let fetched = schedules.fetched_slots(from, to).await?;
        let (past, mut slots): (Vec<_>, Vec<_>) =
            fetched.into_iter().partition(|one| one.endpoint == endpoint::HISTORY);
        let ids: Vec<_> = past.iter().map(|one| one.batch.clone()).collect();
        let records = records(ledger, &ids).await?;
        let (whole, partial): (Vec<_>, Vec<_>) = records.into_iter().partition(BatchRecord::fills_slot);
        let unloaded = whole.iter().filter(|one| !one.is_complete()).map(|one| one.id.clone()).collect();
        let whole: BTreeSet<_> = whole.into_iter().map(|record| record.id).collect();
        slots.extend(past.into_iter().filter(|one| whole.contains(&one.batch)));
        slots.sort_by_key(|one| one.slot);
        Ok(Self { slots, partial, unloaded })
    }

    /// The slots, with their batches.
    pub fn by_slot(&self) -> HeldSlots<'_, &BatchId> {
        held_slots(&self.slots)
    }
}

/// The slots of `fetched`, with their batches.
pub fn held_slots(fetched: &[FetchedSlot]) -> HeldSlots<'_, &BatchId> {
    let mut held = HeldSlots::default();
    for FetchedSlot { batch, slot, endpoint, convert } in fetched {
        held.add(endpoint, convert, *slot, batch);
    }
    held
}

/// The records of `ids`, in any order; however many they are, each statement looks up a few.
pub async fn records(ledger: &dyn Ledger, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
    let mut records = Vec::with_capacity(ids.len());
    for part in ids.chunks(LOOKED_UP) {
        records.extend(ledger.batches_of(part).await?);
    }
    Ok(records)
}

//! Schedules in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Schedule;
use ports::store::{FetchedSlot, Ledger, Schedules, StoreError};

use super::MemoryStore;

/// Schedules by their ids.
#[derive(Default)]
pub(super) struct Announced(BTreeMap<String, Schedule>);

impl Announced {
    pub(super) fn record(&mut self, schedule: &Schedule) {
        let held = self.0.entry(schedule.id()).or_insert_with(|| schedule.clone());
        held.coins = held.coins.max(schedule.coins);
        held.confirmed_at = held.confirmed_at.max(schedule.confirmed_at);
    }
}

#[async_trait]
impl Schedules for MemoryStore {
    async fn schedules(&self, series: &str, from: DateTime<Utc>) -> Result<Vec<Schedule>, StoreError> {
        let state = self.state()?;
        let kind = state.ledger.kind();
        let is_ours = |one: &&Schedule| one.series == series && kind.is_none_or(|kind| one.simulated == kind);
        let mut ours: Vec<_> = state.schedules.0.values().filter(is_ours).cloned().collect();
        let first = ours.iter().map(|one| one.since).filter(|since| *since <= from).max().unwrap_or(from);
        ours.retain(|one| one.since >= first);
        ours.sort_by_key(|one| (one.since, one.id()));
        Ok(ours)
    }

    async fn fetched_slots(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<FetchedSlot>, StoreError> {
        let batches = self.batches(u32::MAX).await?.into_iter().rev();
        let within =
            batches.filter(|batch| batch.dropped.is_none() && (from..to).contains(&batch.slot.starts_at()));
        let slots = within.map(|batch| FetchedSlot {
            batch: batch.id,
            slot: batch.slot,
            endpoint: batch.endpoint,
            convert: batch.convert,
        });
        Ok(slots.collect())
    }
}

//! What a fetcher looks up in the tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{BatchId, Schedule, Slot, in_force, timestamp};
use ports::{BatchRecord, Ledger, Schedules, StoreError};
use service::Held;

/// So many snapshots tell how many coins there are.
const TELLING: usize = 20;

/// What tells which batches are in the tables.
#[derive(Clone)]
pub struct Tables {
    /// By their ids.
    pub ledger: Arc<dyn Ledger>,
    /// By their slots.
    pub schedules: Arc<dyn Schedules>,
}

impl Tables {
    /// Of a store that tells both.
    pub fn of<T: Ledger + Schedules>(store: Arc<T>) -> Self {
        Self { ledger: store.clone(), schedules: store }
    }

    /// The records of `ids`, in any order.
    pub async fn records(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        service::records(&*self.ledger, ids).await
    }

    /// The slots from `from` on and before `to` that have a batch, snapshots that were taken by hand included.
    pub async fn held(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Held, StoreError> {
        Held::between(&*self.schedules, &*self.ledger, (from, to)).await
    }

    /// Those of `slots` which so many coins fill, of those that are listed now: their schedule asks for no more, or there are no more, but
    /// for a share of `fewer`. A slot that no schedule has is filled by what is listed.
    pub async fn filled_by(
        &self,
        slots: &BTreeSet<Slot>,
        coins: usize,
        fewer: config::Limit,
    ) -> Result<BTreeSet<Slot>, StoreError> {
        let mut filled = slots.clone();
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Ok(filled) };
        let schedules = self.schedules.schedules(Schedule::QUOTES, first.starts_at()).await?;
        let is_short = |due: usize| fewer.is_exceeded(due.saturating_sub(coins), due);
        for one in in_force(&schedules) {
            let Schedule { since, coins: due, .. } = *one.schedule;
            let is_of = |slot: &Slot| {
                slot.starts_at() >= since && one.until.is_none_or(|until| slot.starts_at() < until)
            };
            if since > last.starts_at() || !is_short(due as usize) || !slots.iter().any(is_of) {
                continue;
            }
            let until = one.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
            let came = self.most_coins(one.schedule, since, until).await?;
            if is_short(came.map_or(due as usize, |came| came.min(due as usize))) {
                filled.retain(|slot| !is_of(slot));
            }
        }
        Ok(filled)
    }

    /// The most coins that a snapshot of `schedule` had, of some.
    async fn most_coins(
        &self,
        schedule: &Schedule,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<usize>, StoreError> {
        let until = until.min(timestamp::later(schedule.confirmed_at, schedule.every).max(since));
        let mut slots = self.schedules.fetched_slots(since, until).await?;
        slots.retain(|one| one.endpoint == schedule.endpoint && one.convert == schedule.convert);
        let ids: Vec<_> = slots.into_iter().rev().take(TELLING).map(|one| one.batch).collect();
        let coins = self.records(&ids).await?.into_iter().map(|record| record.coins_in);
        Ok(coins.max().and_then(|coins| usize::try_from(coins).ok()))
    }
}

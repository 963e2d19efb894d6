//! What is in the tables already. The store is asked, but never waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, Slot};
use ports::{BatchRecord, StoreError};
use service::Held;
use tracing::warn;

use crate::spool::Manifest;
use crate::tables::Tables;

const TIMEOUT: Duration = Duration::from_secs(5);

/// So many of the newest batches are looked through for each schedule: imports and other currencies have some of their own.
const LOOKED_AT: u32 = 20;
/// And so many where there are several schedules: of some there is one a day, of others one each five minutes.
const LOOKED_AT_FOR_SEVERAL: u32 = 400;

/// The batches in the tables, as far as a fetcher sees them.
pub(crate) struct LoadedBatches {
    tables: Option<Tables>,
}

impl LoadedBatches {
    /// As `tables` tell it; without them, nothing is known to be loaded.
    pub(crate) fn new(tables: Option<Tables>) -> Self {
        Self { tables }
    }

    /// For each of `orders` the newest slot whose batch is whole in the tables, of batches with its endpoint and currencies. Knows
    /// snapshots that were taken by hand, too. What was made up stands in for nothing, unless what is fetched is `simulated`, too.
    pub(super) async fn newest(&self, orders: &[Manifest], simulated: Option<bool>) -> Vec<Option<Slot>> {
        let batches = self.batches(if orders.len() > 1 { LOOKED_AT_FOR_SEVERAL } else { LOOKED_AT }).await;
        let newest = |order: &Manifest| {
            let is_like = |batch: &&BatchRecord| {
                let counts = !batch.simulated || simulated == Some(true);
                counts && batch.endpoint == order.endpoint && batch.convert == order.convert
            };
            let newest = batches.iter().find(is_like)?;
            (newest.loaded_at.is_some() && newest.is_complete()).then_some(newest.slot)
        };
        orders.iter().map(newest).collect()
    }

    /// The newest batches; none when the store does not say.
    async fn batches(&self, limit: u32) -> Vec<BatchRecord> {
        let Some(Tables { ledger, .. }) = &self.tables else { return Vec::new() };
        match tokio::time::timeout(TIMEOUT, ledger.batches(limit)).await {
            Ok(Ok(batches)) => return batches,
            Ok(Err(error)) => {
                warn!(%error, "cannot ask the store for its newest batch; going by the claims alone");
            }
            Err(_) => warn!("the store did not answer in time; going by the claims alone"),
        }
        Vec::new()
    }

    /// The records of those of `ids` that the tables know of, dropped or not; `None` while the store does not answer. Without tables
    /// there are none.
    pub(super) async fn known(&self, ids: &[BatchId]) -> Option<Vec<BatchRecord>> {
        let Some(tables) = &self.tables else { return Some(Vec::new()) };
        answer(tables.records(ids)).await
    }

    /// The slots from `from` on and before `to` that have a batch, snapshots that were taken by hand included; `None` while the store does not
    /// answer. Without tables there are none.
    pub(super) async fn held(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Held> {
        let Some(tables) = &self.tables else { return Some(Held::default()) };
        answer(tables.held(from, to)).await
    }

    /// Those of `slots` which so many coins [fill](Tables::filled_by); `None` while the store does not answer. Without tables it is all.
    pub(super) async fn filled_by(
        &self,
        slots: &BTreeSet<Slot>,
        coins: usize,
        fewer: config::Limit,
    ) -> Option<BTreeSet<Slot>> {
        let Some(tables) = &self.tables else { return Some(slots.clone()) };
        answer(tables.filled_by(slots, coins, fewer)).await
    }

    /// Whether the tables know of `batch`; `None` while the store does not answer. Without tables they never do.
    pub(super) async fn has(&self, batch: &BatchId) -> Option<bool> {
        let Some(Tables { ledger, .. }) = &self.tables else { return Some(false) };
        Some(answer(ledger.batch(batch)).await?.is_some())
    }
}

/// What the store answers, in time.
async fn answer<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    tokio::time::timeout(TIMEOUT, asked).await.ok()?.ok()
}

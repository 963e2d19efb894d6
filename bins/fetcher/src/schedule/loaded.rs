//! What is in the tables already. The store is asked, but never waited for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{BatchId, Slot};
use ports::Ledger;
use tracing::warn;

use crate::spool::Manifest;

const TIMEOUT: Duration = Duration::from_secs(5);

/// So many of the newest batches are looked through for a snapshot: imports and other currencies have some of their own.
const LOOKED_AT: u32 = 20;

/// So many batches are looked up in one statement.
const ASKED_AT_ONCE: usize = 100;

/// The batches in the tables, as far as a ledger tells.
pub(crate) struct LoadedBatches {
    ledger: Option<Arc<dyn Ledger>>,
}

impl LoadedBatches {
    /// As `ledger` tells it; without one, nothing is known to be loaded.
    pub(crate) fn new(ledger: Option<Arc<dyn Ledger>>) -> Self {
        Self { ledger }
    }

    /// The newest slot whose batch is whole in the tables, of batches with the endpoint and currencies of `order`. Knows
    /// snapshots that were taken by hand, too.
    pub(super) async fn newest(&self, order: &Manifest) -> Option<Slot> {
        let ledger = self.ledger.as_ref()?;
        let newest = match tokio::time::timeout(TIMEOUT, ledger.batches(LOOKED_AT)).await {
            Ok(Ok(batches)) => batches
                .into_iter()
                .find(|batch| batch.endpoint == order.endpoint && batch.convert == order.convert)?,
            Ok(Err(error)) => {
                warn!(%error, "cannot ask the store for its newest batch; going by the claims alone");
                return None;
            }
            Err(_) => {
                warn!("the store did not answer in time; going by the claims alone");
                return None;
            }
        };
        (newest.loaded_at.is_some() && newest.is_complete()).then_some(newest.slot)
    }

    /// Those of `ids` that the tables know of; none while the store does not answer, or without a ledger.
    pub(super) async fn known(&self, ids: &[BatchId]) -> BTreeSet<BatchId> {
        let mut known = BTreeSet::new();
        let Some(ledger) = &self.ledger else { return known };
        for part in ids.chunks(ASKED_AT_ONCE) {
            if let Ok(Ok(found)) = tokio::time::timeout(TIMEOUT, ledger.batches_of(part)).await {
                known.extend(found.into_iter().map(|batch| batch.id));
            }
        }
        known
    }

    /// Whether the tables know of `batch`; `None` while the store does not answer. Without a ledger they never do.
    pub(super) async fn has(&self, batch: &BatchId) -> Option<bool> {
        let Some(ledger) = &self.ledger else { return Some(false) };
        let found = tokio::time::timeout(TIMEOUT, ledger.batch(batch)).await.ok()?.ok()?;
        Some(found.is_some())
    }
}

//! What the store holds, without the numbers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::store::{LedgerLine, Proofs, QuoteKey, StoreError};

use super::MemoryStore;
use crate::tables::QuoteEntry;

#[async_trait]
impl Proofs for MemoryStore {
    async fn quotes_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<QuoteKey>, StoreError> {
        let history = self.state()?.rows.tables().history;
        Ok(history.iter().map(key).filter(|key| (from..to).contains(&key.last_updated)).collect())
    }

    async fn quotes_at(&self, instants: &[DateTime<Utc>]) -> Result<Vec<QuoteKey>, StoreError> {
        let history = self.state()?.rows.tables().history;
        Ok(history.iter().map(key).filter(|key| instants.contains(&key.last_updated)).collect())
    }

    async fn latest_quotes(&self) -> Result<Vec<QuoteKey>, StoreError> {
        Ok(self.state()?.rows.tables().latest.iter().map(key).collect())
    }

    async fn quotes_by_batch(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(BatchId, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for entry in self.state()?.rows.tables().history {
            if (from..to).contains(&entry.quote.last_updated) {
                *counts.entry(entry.batch).or_default() += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }

    async fn shown_of_dropped(&self) -> Result<Vec<(BatchId, u64)>, StoreError> {
        let state = self.state()?;
        let mut counts = BTreeMap::new();
        for entry in state.rows.tables().latest {
            *counts.entry(entry.batch).or_default() += 1;
        }
        counts.extend(
            state
                .ledger
                .dropped()
                .into_iter()
                .map(|batch| (batch.clone(), state.market.of_batch(&batch)))
                .filter(|(_, rows)| *rows > 0),
        );
        counts.retain(|batch, _| state.ledger.is_dropped(batch));
        Ok(counts.into_iter().collect())
    }

    async fn lines_of(&self, batches: &[BatchId]) -> Result<Vec<LedgerLine>, StoreError> {
        Ok(self.state()?.ledger.lines_of(batches))
    }
}

fn key(entry: &QuoteEntry) -> QuoteKey {
    QuoteKey {
        last_updated: entry.quote.last_updated,
        coin_id: entry.coin_id,
        currency: entry.quote.currency.clone(),
        fetched_at: entry.fetched_at,
    }
}

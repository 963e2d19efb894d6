//! Taking batches out: everything else is loaded anew, which is what "as if it had never been" means.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::store::{DropPortion, DropPosition, Dropped, Drops, Loaded, Marked, StoreError};

use super::MemoryStore;
use super::market::MarketRows;
use super::quotes::Rows;
use crate::tables::QuoteEntry;

#[async_trait]
impl Drops for MemoryStore {
    async fn mark_dropped(&self, batch: &BatchId, why: &str) -> Result<Option<Marked>, StoreError> {
        let dropped = Dropped { at: self.now(), why: why.to_owned() };
        let mut state = self.state()?;
        let Some(dropped) = state.ledger.mark_dropped(batch, dropped) else { return Ok(None) };
        let rows = state.market.of_batch(batch);
        state.loaded_market.retain(|chunk| chunk.head.page.batch != *batch);
        let mut market = MarketRows::default();
        for chunk in &state.loaded_market {
            market.load(chunk);
        }
        let maps: Vec<_> = state.loaded_market.iter().map(|chunk| chunk.head.page.batch.clone()).collect();
        state.market = market;
        for map in &maps {
            state.note_whole(map);
        }
        Ok(Some(Marked { dropped, rows }))
    }

    /// All of it.
    async fn drop_portion(&self, batch: &BatchId, _: DropPosition) -> Result<DropPortion, StoreError> {
        let mut state = self.state()?;
        let before = state.rows.tables();
        if !state.ledger.is_dropped(batch) {
            return Ok(DropPortion { latest: 0, fell_back: 0, coins: 0, quotes: Vec::new(), next: None });
        }
        state.loaded.retain(|chunk| chunk.page.batch != *batch);
        let mut rows = Rows::default();
        let loaded: Vec<Loaded> = state.loaded.iter().map(|chunk| rows.load(chunk)).collect();
        rows.prune_history(state.pruned.unwrap_or(DateTime::<Utc>::MIN_UTC), u32::MAX);
        let fell_back = rows.fall_back(&before.latest, batch);
        state.rows = rows;
        state.ledger.take_out(batch);
        state.ledger.set_freshness(&loaded);
        let of_batch = |entry: &&QuoteEntry| entry.batch == *batch;
        Ok(DropPortion {
            latest: before.latest.iter().filter(of_batch).count() as u64,
            fell_back,
            coins: (before.coins.len() - state.rows.tables().coins.len()) as u64,
            quotes: before.history.iter().filter(of_batch).map(|entry| entry.quote.last_updated).collect(),
            next: None,
        })
    }

    async fn readmit(&self, batch: &BatchId) -> Result<bool, StoreError> {
        Ok(self.state()?.ledger.readmit(batch))
    }

    async fn dropped(&self) -> Result<BTreeSet<BatchId>, StoreError> {
        Ok(self.state()?.ledger.dropped())
    }
}

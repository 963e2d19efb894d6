//! Coins of the newest snapshot that were rejected: each reason has a letter of its own, and this says that they are many.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use config::Limit;
use ports::StoreError;
use ports::store::BatchRecord;

use super::{Condition, Finding, Look};
use crate::newest::{Newest, is_of_snapshots};

/// Of a snapshot that is older than this nothing is said.
const OLDEST: TimeDelta = TimeDelta::days(31);

pub(super) struct RejectedShare {
    newest: Newest,
    most: Limit,
}

impl RejectedShare {
    /// Tells of a snapshot of which more than `most` was rejected.
    pub(super) fn new(newest: Newest, most: Limit) -> Self {
        Self { newest, most }
    }
}

#[async_trait]
impl Condition for RejectedShare {
    fn code(&self) -> &'static str {
        "many_rejected"
    }

    fn end(&self) -> &'static str {
        "the newest snapshot has few coins that were rejected"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        if self.most.is_off() {
            return Ok(Look::Fine);
        }
        let whole = |batch: &BatchRecord| is_whole(batch).then(|| batch.clone());
        let Some(newest) = self.newest.find((now - OLDEST, now), is_of_snapshots, whole).await? else {
            return Ok(Look::Unsure);
        };
        let BatchRecord { id, rejected, coins_in, .. } = &newest;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        if !self.most.is_exceeded(count(*rejected), count(*coins_in)) {
            return Ok(Look::Fine);
        }
        Ok(Look::Wrong(Finding {
            occasion: id.to_string(),
            reason: format!(
                "many coins of a snapshot are not in the tables: {rejected} of {coins_in} in {id} were rejected; `coinpipe dead groups` \
                 tells why [alert.rejected]"
            ),
        }))
    }
}

fn is_whole(batch: &BatchRecord) -> bool {
    batch.fetched_at.is_some() && batch.is_complete() && batch.dropped.is_none()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::endpoint::{LISTINGS, QUOTES};
    use domain::{BatchId, Slot};
    use ports::{Clock, Store};
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, chunk, fetched};
    use testkit::memory::MemoryStore;

    use super::*;

    async fn load(store: &MemoryStore, seconds: i64, endpoint: &str, rejected: u32) {
        let slot = Slot::at(at(seconds));
        let batch = BatchId::new(slot, endpoint, &["USD".to_owned()]);
        let mut chunk = chunk(&[1, 2]);
        (chunk.page.batch, chunk.page.slot) = (batch.clone(), slot);
        endpoint.clone_into(&mut chunk.page.endpoint);
        (chunk.coins_in, chunk.rejected) = (2 + rejected, rejected);
        store.load(&chunk).await.unwrap();
        let mut announced = fetched(1);
        (announced.batch, announced.slot) = (batch, slot);
        endpoint.clone_into(&mut announced.endpoint);
        store.record_fetched(&announced).await.unwrap();
    }

    #[tokio::test]
    async fn the_newest_whole_snapshot_counts() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let newest = || Newest::new(store.clone(), store.clone());
        let condition = RejectedShare::new(newest(), Limit::percent(50.0));
        let look = async || condition.look(clock.now()).await.unwrap();
        assert_eq!(look().await, Look::Unsure, "there is none");
        load(&store, 0, LISTINGS, 3).await;
        // What was fetched for another time, or is not of coins, says nothing of it.
        load(&store, 600, "history", 0).await;
        let Look::Wrong(Finding { occasion, reason }) = look().await else { panic!("3 of 5 were rejected") };
        assert_eq!(occasion, "2026-11-22T14:00:00Z/listings/USD");
        assert!(reason.contains("3 of 5"), "{reason}");
        load(&store, 3600, QUOTES, 2).await;
        assert_eq!(look().await, Look::Fine);
        // Others come more often.
        for minute in 0..300 {
            load(&store, 3660 + minute, "cmc100", 0).await;
        }
        load(&store, 3600, QUOTES, 20).await;
        assert!(matches!(look().await, Look::Wrong(_)));
        let off = RejectedShare::new(newest(), Limit::OFF);
        load(&store, 7200, QUOTES, 2000).await;
        assert_eq!(off.look(clock.now()).await.unwrap(), Look::Fine);
    }
}

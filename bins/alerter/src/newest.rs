//! The newest batches of one sort, however many of others there are beside them: the kinds of the market come each five minutes, and a
//! backfill brings thousands.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::BatchId;
use domain::endpoint::{LISTINGS, QUOTES};
use ports::store::BatchRecord;
use ports::{Ledger, Schedules, StoreError};

/// So many batches are looked up at once: nearly always the first of them is the one.
const AT_ONCE: usize = 4;

/// So far back is looked first, and each time four times as far when nothing is found.
const FIRST_LOOK: TimeDelta = TimeDelta::hours(2);

/// The clock of who fetched may be ahead.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Whether `endpoint` is that of snapshots, by rank or by ids.
pub(crate) fn is_of_snapshots(endpoint: &str) -> bool {
    [LISTINGS, QUOTES].contains(&endpoint)
}

/// Looks for batches from the newest slot on.
#[derive(Clone)]
pub(crate) struct Newest {
    ledger: Arc<dyn Ledger>,
    schedules: Arc<dyn Schedules>,
}

impl Newest {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, schedules: Arc<dyn Schedules>) -> Self {
        Self { ledger, schedules }
    }

    /// What `wanted` makes of the batch with the newest slot of which it makes something; of the batches whose endpoint `is_meant` and
    /// whose slot begins after `since`. What was dropped is none.
    pub(crate) async fn find<T>(
        &self,
        (since, now): (DateTime<Utc>, DateTime<Utc>),
        is_meant: impl Fn(&str) -> bool + Send,
        wanted: impl Fn(&BatchRecord) -> Option<T> + Send,
    ) -> Result<Option<T>, StoreError> {
        let (mut to, mut back) = (now + AHEAD, FIRST_LOOK);
        while to > since {
            let from = now.checked_sub_signed(back).unwrap_or(since).max(since);
            let mut fetched = self.schedules.fetched_slots(from, to).await?;
            fetched.retain(|one| one.slot.starts_at() > since && is_meant(&one.endpoint));
            fetched.sort_by_key(|one| std::cmp::Reverse(one.slot));
            for some in fetched.chunks(AT_ONCE) {
                let ids: Vec<BatchId> = some.iter().map(|one| one.batch.clone()).collect();
                let records = self.ledger.batches_of(&ids).await?;
                if let Some(found) = records.iter().find_map(&wanted) {
                    return Ok(Some(found));
                }
            }
            (to, back) = (from, back * 4);
        }
        Ok(None)
    }
}

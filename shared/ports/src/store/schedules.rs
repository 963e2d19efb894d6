//! What was due, and the slots that have a snapshot.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Schedule, Slot};

use super::StoreError;

/// A slot for which there is a batch in the ledger, complete or not, that was not dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedSlot {
    /// The batch.
    pub batch: BatchId,
    /// Its slot.
    pub slot: Slot,
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// Currencies asked for.
    pub convert: Vec<String>,
}

/// The schedules that were announced, and the slots that they are compared with.
#[async_trait]
pub trait Schedules: Send + Sync + 'static {
    /// The schedules of `series` that were in force at `from` or came later, oldest first: those of the kind of data that the
    /// store holds, of both while it is empty.
    async fn schedules(&self, series: &str, from: DateTime<Utc>) -> Result<Vec<Schedule>, StoreError>;

    /// The slots from `from` on and before `to` that have a batch, oldest first. One that was dropped is none.
    async fn fetched_slots(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<FetchedSlot>, StoreError>;
}

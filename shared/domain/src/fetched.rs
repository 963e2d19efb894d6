//! The announcement of a batch.

use chrono::{DateTime, Utc};

use crate::api_version::ApiVersion;
use crate::batch::BatchId;
use crate::message::MessageId;
use crate::slot::Slot;
use crate::verdict::Verdict;

/// "This batch was fetched": announced on the rows queue, so that the ledger knows what to expect even
/// when a page never becomes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The batch.
    pub batch: BatchId,
    /// The slot it was scheduled for.
    pub slot: Slot,
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// The API version that answered.
    pub api_version: ApiVersion,
    /// The currencies asked for.
    pub convert: Vec<String>,
    /// When the last page arrived.
    pub fetched_at: DateTime<Utc>,
    /// How many pages the snapshot has. More than were published when the slot ended before all came.
    pub pages: u32,
    /// API credits that the pages cost, as the API said.
    pub credits: u32,
    /// Whether the data was made up by a simulator.
    pub simulated: bool,
    /// What is wrong with the snapshot; `None` when nothing was found.
    pub verdict: Option<Verdict>,
}

impl Fetched {
    /// The id of the message that carries this announcement.
    pub fn message_id(&self) -> MessageId {
        MessageId::new(format!("{}/fetched", self.batch))
    }
}

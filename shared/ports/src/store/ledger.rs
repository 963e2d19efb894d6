//! The ledger: which pages and chunks each batch has, and which of them are loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Doubt, ReplayId, Slot, Verdict};

use super::{Dropped, StoreError};

/// One batch in the ledger. Counts of rows are sums over the chunks recorded so far. When a page was cut into chunks
/// of another size, or fetched again, its newest cut alone counts: the one transformed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The batch.
    pub id: BatchId,
    /// Its slot.
    pub slot: Slot,
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// Currencies asked for.
    pub convert: Vec<String>,
    /// Whether a simulator made it up.
    pub simulated: bool,
    /// When its last page arrived; `None` until the announcement was recorded.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When its newest chunk was transformed.
    pub transformed_at: Option<DateTime<Utc>>,
    /// When its newest chunk was loaded.
    pub loaded_at: Option<DateTime<Utc>>,
    /// Pages it should have; `None` until known.
    pub pages: Option<u32>,
    /// Credits it cost, each time that it was fetched; `None` until an announcement was recorded.
    pub credits: Option<u32>,
    /// What its fetcher found wrong with it as a whole; `None` when nothing was found, or until the announcement was recorded.
    pub verdict: Option<Verdict>,
    /// That it was taken out of the tables. Its counts are those of the time before, and nothing of it is missing.
    pub dropped: Option<Dropped>,
    /// Whether it was dropped and not all of it was taken out of the tables yet.
    pub is_half_dropped: bool,
    /// Coins that the source sent.
    pub coins_in: u64,
    /// Coins that a rule or the database rejected.
    pub rejected: u64,
    /// Quotes written to `quotes_latest`.
    pub written: u64,
    /// Quotes that were there already.
    pub unchanged: u64,
    /// Quotes older than the table.
    pub stale: u64,
    /// The most often any of its chunks was loaded; 1 means no repeats or replays.
    pub loads: u32,
    /// How many replays loaded each of its pages, whole: the fewest for any page. 0 while something is missing.
    pub replays: u32,
    /// For each page, the replays that loaded all chunks of it. Those of older versions do not say which they
    /// are, and are one.
    pub page_replays: BTreeMap<u32, BTreeSet<ReplayId>>,
    /// What has not been loaded, in order. Empty when complete.
    pub missing: Vec<Missing>,
}

impl BatchRecord {
    /// Whether every chunk of every page is in the tables. What the pages lacked is told by `verdict`.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether its fetcher found that the pages that came lack coins.
    pub fn lacks_coins(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| verdict.doubt == Doubt::Incomplete)
    }

    /// Whether coins came, and all of them were rejected.
    pub fn is_refused(&self) -> bool {
        self.coins_in > 0 && self.rejected >= self.coins_in
    }

    /// Whether it leaves nothing to be filled in its slot, as far as is known before all of it is loaded: it is of all coins, it has
    /// them, and not all were refused.
    pub fn fills_slot(&self) -> bool {
        self.dropped.is_none() && self.id.coins_named().is_none() && !self.lacks_coins() && !self.is_refused()
    }
}

/// A part of a batch that has not been loaded: `page 2`, or `page 1 chunk 3 of 5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// All of a page, as far as the ledger knows.
    Page(u32),
    /// A chunk of a page of which others were loaded.
    Chunk {
        /// The page.
        page: u32,
        /// Its chunk.
        chunk: u32,
        /// How many chunks the page has.
        of: u32,
    },
}

impl Missing {
    /// The page that it is, or is of.
    pub fn page(self) -> u32 {
        match self {
            Self::Page(page) | Self::Chunk { page, .. } => page,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(page) => write!(f, "page {page}"),
            Self::Chunk { page, chunk, of } => write!(f, "page {page} chunk {chunk} of {of}"),
        }
    }
}

/// What a batch cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// When its last page arrived.
    pub fetched_at: DateTime<Utc>,
    /// Credits.
    pub credits: u32,
}

/// How a snapshot went, for plots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Its slot.
    pub slot: Slot,
    /// When its last page arrived; `None` until the announcement was recorded.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When its newest chunk was loaded; `None` when nothing was, or some of it more than once: then it is the time of a repeat.
    pub loaded_at: Option<DateTime<Utc>>,
    /// Quotes in its chunks.
    pub quotes: u64,
    /// Credits it cost.
    pub credits: Option<u32>,
}

/// The place of a batch in the ledger: its slot and its id.
pub type BatchKey<'a> = (Slot, &'a BatchId);

/// The ledger of batches.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// The `limit` newest batches by slot, newest first. As many statements for a thousand as for one.
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError>;

    /// The `limit` newest batches before the one with this slot and id, in the order of [`batches`](Self::batches): for going through
    /// all of them with a few at a time in memory.
    async fn batches_before(&self, key: BatchKey<'_>, limit: u32) -> Result<Vec<BatchRecord>, StoreError>;

    /// One batch.
    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError>;

    /// Those of `ids` that there are, newest slot first, as of one moment: for polling a few batches.
    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError>;

    /// What was paid since `since`, whatever time it is about, oldest first: batches whose announcement was recorded, dropped ones
    /// too. Reads no chunk.
    async fn paid_since(&self, since: DateTime<Utc>) -> Result<Vec<Paid>, StoreError>;

    /// How the snapshots went whose slots are from `from` on and before `to`, the `limit` newest, newest first: the market or some
    /// coins as they were then, not filled in later, and not dropped.
    async fn courses(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Course>, StoreError>;
}

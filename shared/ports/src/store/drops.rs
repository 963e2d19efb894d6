//! Taking a batch out of the tables for good, and letting it in again.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;

use super::StoreError;

/// That a batch was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in somebody's words.
    pub why: String,
}

/// What came of marking a batch as dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// What is on record now: of a batch that was dropped before, its first mark.
    pub dropped: Dropped,
    /// Rows of a kind of the market that left its table. There are few: they go with the mark.
    pub rows: u64,
}

/// Where taking a batch out goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropPosition {
    /// With the coins after this one, in the order of their ids: what the tables show of each now.
    Coins(u32),
    /// With the quotes in the history whose `last_updated` is before this instant, from the newest to the oldest; `None` is with
    /// the newest.
    Quotes(Option<DateTime<Utc>>),
    /// The same, wherever in the history they are. Else only those are looked for of which the ledger knows: once all of the batch is
    /// out, it knows of none.
    Anywhere(Option<DateTime<Utc>>),
}

impl DropPosition {
    /// Where it begins.
    pub const START: Self = Self::Coins(0);
}

/// What a portion took out, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropPortion {
    /// Rows of `quotes_latest` that were of the batch.
    pub latest: u64,
    /// Those of them that fell back to the newest in the history without it; the others are gone.
    pub fell_back: u64,
    /// Coins that only the batch had.
    pub coins: u64,
    /// The `last_updated` of each row that left the history.
    pub quotes: Vec<DateTime<Utc>>,
    /// `None`: all of the batch is out.
    pub next: Option<DropPosition>,
}

/// Taking batches out: what the operator's command needs.
///
/// # Guarantees
/// - From the return of [`mark_dropped`](Self::mark_dropped) on no store loads a row of the batch, whatever is delivered, replayed
///   or rebuilt and however many loaders run, until it is [let in](Self::readmit) again. What they loaded before it, the portions
///   take out.
/// - When all portions are done, no row of `quotes_latest` or of the history is of the batch, and `quotes_latest` has of each coin and
///   currency the newest that the history has. Each portion is one short transaction; whoever was interrupted begins again at the
///   start, or anywhere before, and ends with the same tables. Until then the ledger calls the batch
///   [half dropped](super::BatchRecord::is_half_dropped).
/// - What fell back does not have what the history does not keep, and `missing_fields` says so.
/// - The rows of a batch of a kind of the market leave its table with the mark. A coin that other maps had stays in the map, as of the
///   map before it (or after it, when it was the first); what the map says of the coin is what the dropped one said, until another map
///   with it is loaded or rebuilt.
/// - Coins, names and first and last sightings are what the other batches prove: a coin that only the batch had is gone.
///
/// # Not guaranteed
/// The history has one row for all batches that had a quote with the same `last_updated`, which names the one that was fetched last.
/// When that is the dropped one, the row goes, although an earlier batch may have had it, too; and a description that was from the
/// dropped batch stays until another one describes the coin. Rebuilding the batches around it puts both right.
#[async_trait]
pub trait Drops: Send + Sync + 'static {
    /// Marks `batch` as dropped, with the reason `why`, and gives what is on record then: a batch that was dropped before keeps its
    /// first mark. `None` when the ledger has no such batch.
    async fn mark_dropped(&self, batch: &BatchId, why: &str) -> Result<Option<Marked>, StoreError>;

    /// Takes the next portion of `batch`, which is marked, out of the tables.
    async fn drop_portion(&self, batch: &BatchId, at: DropPosition) -> Result<DropPortion, StoreError>;

    /// Lets `batch` in again; `false` when it was not dropped. Its lines in the ledger go: what was loaded before proves nothing any
    /// more, and it is incomplete until it is loaded again.
    async fn readmit(&self, batch: &BatchId) -> Result<bool, StoreError>;

    /// The batches that are dropped.
    async fn dropped(&self) -> Result<BTreeSet<BatchId>, StoreError>;
}

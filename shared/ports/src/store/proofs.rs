//! What the tables hold, without the numbers: for proving that nothing is missing.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;

use super::StoreError;

/// A quote that a table has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuoteKey {
    /// When it changed.
    pub last_updated: DateTime<Utc>,
    /// Whose it is.
    pub coin_id: u32,
    /// Its currency.
    pub currency: String,
    /// When it was fetched, the last time.
    pub fetched_at: DateTime<Utc>,
}

/// The line of a chunk in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Its batch.
    pub batch: BatchId,
    /// Its page, from 1.
    pub page: u32,
    /// Its number in the page, from 1.
    pub chunk: u32,
    /// How many chunks the page was cut into.
    pub chunks: u32,
    /// Coins in each of them but the last; `None` when there is only one, or it was not said.
    pub size: Option<u32>,
    /// When its page was fetched; `None` in lines of older versions.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Coins that a rule or the database refused.
    pub rejected: u64,
}

/// Reading the tables to hold them against something else. Each call is as of one moment, and none asks for single rows.
#[async_trait]
pub trait Proofs: Send + Sync + 'static {
    /// The quotes in the history with a `last_updated` from `from` to before `to`, in any order.
    async fn quotes_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<QuoteKey>, StoreError>;

    /// The quotes in the history with one of these `last_updated`, in any order. For at most a few hundred instants.
    async fn quotes_at(&self, instants: &[DateTime<Utc>]) -> Result<Vec<QuoteKey>, StoreError>;

    /// The quotes in `quotes_latest`.
    async fn latest_quotes(&self) -> Result<Vec<QuoteKey>, StoreError>;

    /// How many quotes the history names each batch for, of those with a `last_updated` from `from` to before `to`.
    async fn quotes_by_batch(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(BatchId, u64)>, StoreError>;

    /// How many rows that show what is the newest (`quotes_latest`, and the tables of the kinds of the market) name each batch that was
    /// dropped: none should.
    async fn shown_of_dropped(&self) -> Result<Vec<(BatchId, u64)>, StoreError>;

    /// The lines of these batches in the ledger, in any order.
    async fn lines_of(&self, batches: &[BatchId]) -> Result<Vec<LedgerLine>, StoreError>;
}

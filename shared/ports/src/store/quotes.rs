//! The read side of the quotes: how many, how fresh, the best ranked.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;

/// How much the tables hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows of `coins`.
    pub coins: u64,
    /// Rows of `quotes_latest`.
    pub quotes_latest: u64,
    /// Rows of `quotes_history`.
    pub quotes_history: u64,
}

/// How fresh `quotes_latest` is. Neither instant ever goes back, unless a batch is [dropped](super::Drops).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The newest `last_updated`; `None` when there are no quotes.
    pub newest_quote_at: Option<DateTime<Utc>>,
    /// The newest fetch by which a quote entered `quotes_latest`.
    pub newest_fetch_at: Option<DateTime<Utc>>,
}

/// One row of the table that `coinpipe --once` prints.
#[derive(Clone, Debug, PartialEq)]
pub struct TopCoin {
    /// Rank by market capitalisation.
    pub rank: Option<u32>,
    /// Name.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// Currency of the numbers.
    pub currency: String,
    /// Price.
    pub price: Option<f64>,
    /// Change over one hour in percent.
    pub percent_change_1h: Option<f64>,
    /// Change over 24 hours in percent.
    pub percent_change_24h: Option<f64>,
    /// Change over 7 days in percent.
    pub percent_change_7d: Option<f64>,
    /// Market capitalisation.
    pub market_cap: Option<f64>,
    /// When CoinMarketCap last changed it.
    pub last_updated: DateTime<Utc>,
}

/// A coin of the newest snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCoin {
    /// CoinMarketCap's id.
    pub id: u32,
    /// Symbol; several coins may share it.
    pub symbol: String,
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// When its page of the snapshot was fetched.
    pub fetched_at: DateTime<Utc>,
    /// When its quote in the snapshot changed.
    pub last_updated: DateTime<Utc>,
}

/// The read side of the quotes, for the operator's commands.
#[async_trait]
pub trait Quotes: Send + Sync + 'static {
    /// How fresh the quotes are. Every process asks every few seconds: two looks into indexes, however much there is.
    async fn freshness(&self) -> Result<Freshness, StoreError>;

    /// The `last_updated` of the newest quote in `currency` that is no older than `since`. `None` when there is none: reads what is
    /// that new and no more.
    async fn newest_in(
        &self,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// The totals. For people: it counts rows.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// The `limit` best ranked coins in `currency` of the newest snapshot with quotes in it: lowest rank first,
    /// unranked last. A coin that left the listing keeps its last rank, which another coin has by now.
    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError>;

    /// All coins of the newest snapshot with quotes in `currency`, by id.
    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError>;
}

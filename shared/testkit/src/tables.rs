//! What the tables about coins hold, as values: two stores that got the same chunks are equal.

use chrono::{DateTime, Utc};
use domain::{BatchId, Coin, Quote, Record};

/// All rows about coins, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// `coins`, by id.
    pub coins: Vec<CoinEntry>,
    /// `coin_identities`, by coin, symbol, name and slug.
    pub identities: Vec<IdentityEntry>,
    /// `quotes_latest`, by coin and currency.
    pub latest: Vec<QuoteEntry>,
    /// `quotes_history`, by coin, currency and `last_updated`.
    pub history: Vec<QuoteEntry>,
}

/// A row of `coins`.
#[derive(Clone, Debug, PartialEq)]
pub struct CoinEntry {
    /// The newest description.
    pub coin: Coin,
    /// Fetch time of the oldest page with this coin.
    pub first_seen_at: DateTime<Utc>,
    /// Fetch time of the newest page with this coin, which the description is from.
    pub last_seen_at: DateTime<Utc>,
}

/// A row of `coin_identities`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentityEntry {
    /// The coin.
    pub coin_id: u32,
    /// Its symbol then.
    pub symbol: String,
    /// Its name then.
    pub name: String,
    /// Its slug then.
    pub slug: String,
    /// Fetch time of the oldest page with this identity.
    pub first_seen_at: DateTime<Utc>,
    /// Fetch time of the newest page with this identity.
    pub last_seen_at: DateTime<Utc>,
}

/// A row of `quotes_latest` or `quotes_history`.
#[derive(Clone, Debug, PartialEq)]
pub struct QuoteEntry {
    /// The coin.
    pub coin_id: u32,
    /// The numbers.
    pub quote: Quote,
    /// Fetch time of the page they came with.
    pub fetched_at: DateTime<Utc>,
    /// The batch of that page.
    pub batch: BatchId,
}

/// A row of a kind of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketEntry {
    /// Its values.
    pub record: Record,
    /// Fetch time of the page they came with.
    pub fetched_at: DateTime<Utc>,
    /// The batch of that page.
    pub batch: BatchId,
    /// The first and the last slot in which it was seen, where that is told.
    pub seen: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A coin of the map, and the slot of the first whole map without it after the last with it.
pub type Vanished = (u32, Option<DateTime<Utc>>);

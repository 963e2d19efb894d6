//! Coins, and rows of coins with their quotes: what a listing has after cleaning.

use chrono::{DateTime, Utc};

use crate::quote::Quote;
use crate::shared::Shared;

/// What a coin is, apart from its market numbers. The id is CoinMarketCap's and the only key: symbols,
/// names and slugs are neither unique nor stable.
#[derive(Clone, Debug, PartialEq)]
pub struct Coin {
    /// CoinMarketCap's id, at least 1.
    pub id: u32,
    /// Display name, as sent.
    pub name: String,
    /// Ticker symbol, as sent; shared by other coins one time in ten, and case matters.
    pub symbol: String,
    /// URL slug.
    pub slug: String,
    /// When CoinMarketCap listed it.
    pub date_added: Option<DateTime<Utc>>,
    /// The coin id of the platform a token lives on.
    pub platform_id: Option<u32>,
    /// The name of that platform, which may say more than that of its coin: `BNB Smart Chain (BEP20)`.
    pub platform_name: Option<String>,
    /// The token's address on that platform.
    pub token_address: Option<String>,
    /// Tags; `None` when the API did not send any field.
    pub tags: Option<Vec<String>>,
    /// Whether the supply has no upper bound.
    pub infinite_supply: Option<bool>,
    /// Whether the coin still trades; only some API versions say so.
    pub is_active: Option<bool>,
}

/// A cleaned coin with one quote per requested currency.
#[derive(Clone, Debug, PartialEq)]
pub struct CoinRow {
    /// The coin. Rows that describe it alike may share one.
    pub coin: Shared<Coin>,
    /// Its quotes, in the order of the requested currencies. The transformer sends no row without any; a store ignores one.
    pub quotes: Vec<Quote>,
}

impl CoinRow {
    /// About how many bytes it takes in memory when it shares its coin with nobody: what bounds a message of very many, very small
    /// ones.
    pub fn memory(&self) -> usize {
        /// What an allocator adds to a text.
        const TEXT: usize = 32;
        let Self { coin, quotes } = self;
        let names = [&coin.name, &coin.symbol, &coin.slug].into_iter();
        let names = names.chain(&coin.platform_name).chain(&coin.token_address);
        let names: usize = names.map(|text| TEXT + text.len()).sum();
        let tags = coin.tags.iter().flatten().map(|tag| size_of::<String>() + TEXT + tag.len());
        let quotes = quotes.iter().map(|quote| size_of::<Quote>() + TEXT + quote.currency.len());
        size_of::<Self>() + size_of::<Coin>() + names + tags.sum::<usize>() + quotes.sum::<usize>()
    }
}

//! A row as it is written: texts borrowed from wherever they are, so that none is copied on the way to the wire.

use crate::coin::CoinRow;
use crate::measure::{Measure, MeasureSet};
use crate::quote::Quote;

/// A coin with its quotes, to be written. What the fields mean is told at [`Coin`](crate::Coin); instants are
/// milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct RowRef<'a, T> {
    /// CoinMarketCap's id.
    pub id: u32,
    /// Display name.
    pub name: &'a str,
    /// Ticker symbol.
    pub symbol: &'a str,
    /// URL slug.
    pub slug: &'a str,
    /// When CoinMarketCap listed it.
    pub date_added: Option<i64>,
    /// The coin id of the platform.
    pub platform_id: Option<u32>,
    /// The name of the platform.
    pub platform_name: Option<&'a str>,
    /// The address on the platform.
    pub token_address: Option<&'a str>,
    /// Tags.
    pub tags: Option<&'a [T]>,
    /// Whether the supply has no upper bound.
    pub infinite_supply: Option<bool>,
    /// Whether the coin still trades.
    pub is_active: Option<bool>,
    /// Its quotes, in the order of the requested currencies.
    pub quotes: Vec<QuoteRef<'a>>,
}

/// A quote to be written. What the fields mean is told at [`Quote`].
#[derive(Clone, Copy, Debug)]
pub struct QuoteRef<'a> {
    /// The currency.
    pub currency: &'a str,
    /// The numbers, indexed by [`Measure`]; all finite.
    pub numbers: [Option<f64>; Measure::COUNT],
    /// The measures that were not sent.
    pub missing: MeasureSet,
    /// When CoinMarketCap last changed this quote, in milliseconds since the Unix epoch.
    pub last_updated: i64,
}

impl<'a> From<&'a CoinRow> for RowRef<'a, String> {
    fn from(CoinRow { coin, quotes }: &'a CoinRow) -> Self {
        Self {
            id: coin.id,
            name: &coin.name,
            symbol: &coin.symbol,
            slug: &coin.slug,
            date_added: coin.date_added.map(|at| at.timestamp_millis()),
            platform_id: coin.platform_id,
            platform_name: coin.platform_name.as_deref(),
            token_address: coin.token_address.as_deref(),
            tags: coin.tags.as_deref(),
            infinite_supply: coin.infinite_supply,
            is_active: coin.is_active,
            quotes: quotes.iter().map(QuoteRef::from).collect(),
        }
    }
}

impl<'a> From<&'a Quote> for QuoteRef<'a> {
    fn from(quote: &'a Quote) -> Self {
        Self {
            currency: &quote.currency,
            numbers: quote.numbers,
            missing: quote.missing,
            last_updated: quote.last_updated.timestamp_millis(),
        }
    }
}

//! The values of rows about coins.

use chrono::{DateTime, Utc};
use domain::{BatchId, Coin, Kind, Measure, Quote};

use super::Parameter;
use super::Parameter::{Count, Flag, Instant, Number, Text, Whole};
use crate::columns::{COINS, IDENTITIES, QUOTES};

/// One of something for each of the four tables about coins.
#[derive(Debug)]
pub struct ByTable<T> {
    /// For `coins`.
    pub coins: T,
    /// For `coin_identities`.
    pub identities: T,
    /// For `quotes_latest`.
    pub latest: T,
    /// For `quotes_history`.
    pub history: T,
}

/// The row of `coin` in a page that was fetched at `fetched_at`, in the order of [`COINS`].
pub fn coin(coin: &Coin, fetched_at: DateTime<Utc>) -> [Parameter<'static>; COINS.len()] {
    [
        coin.id.into(),
        coin.symbol.clone().into(),
        coin.name.clone().into(),
        coin.slug.clone().into(),
        Instant(coin.date_added),
        Count(coin.platform_id.map(u64::from)),
        Text(coin.token_address.clone().map(Into::into)),
        Text(tags(coin).map(Into::into)),
        Flag(coin.infinite_supply),
        Flag(coin.is_active),
        fetched_at.into(),
        fetched_at.into(),
    ]
}

/// The tags of `coin` as their column holds them.
pub fn tags(coin: &Coin) -> Option<String> {
    coin.tags.as_ref().map(|tags| serde_json::json!(tags).to_string())
}

/// The row of a coin's identity in a page that was fetched at `fetched_at`, in the order of [`IDENTITIES`].
pub fn identity(
    (coin_id, symbol, name, slug): (u32, &str, &str, &str),
    fetched_at: DateTime<Utc>,
) -> [Parameter<'static>; IDENTITIES.len()] {
    [
        coin_id.into(),
        symbol.to_owned().into(),
        name.to_owned().into(),
        slug.to_owned().into(),
        fetched_at.into(),
        fetched_at.into(),
    ]
}

/// The row of a coin's quote in a page of `batch` that was fetched at `fetched_at`, in the order of
/// [`quotes`](crate::columns::quotes).
pub fn quote(
    coin_id: u32,
    quote: &Quote,
    fetched_at: DateTime<Utc>,
    batch: &BatchId,
) -> [Parameter<'static>; QUOTES] {
    let measure = |measure: Measure| {
        let number = quote.get(measure);
        if measure.kind() == Kind::Count { Whole(number) } else { Number(number) }
    };
    let key = [coin_id.into(), quote.currency.clone().into()];
    let rest = [
        Text(quote.missing.to_column_list().map(Into::into)),
        quote.last_updated.into(),
        fetched_at.into(),
        batch.as_str().to_owned().into(),
    ];
    let mut values = key.into_iter().chain(Measure::ALL.map(measure)).chain(rest);
    std::array::from_fn(|_| values.next().unwrap_or(Text(None)))
}

//! Reading the tables about coins.

use domain::{BatchId, Coin, Kind, Measure, MeasureSet, Quote};
use ports::{Freshness, ListedCoin, TopCoin};

use crate::columns;
use crate::contents::{CoinEntry, IdentityEntry, QuoteEntry};
use crate::row::Row;

/// All of `coins`, by key.
pub fn all_coins() -> String {
    format!("SELECT {} FROM coins ORDER BY id", columns::COINS.join(", "))
}

/// All of `coin_identities`, by key.
pub fn all_identities() -> String {
    let columns = columns::IDENTITIES.join(", ");
    format!("SELECT {columns} FROM coin_identities ORDER BY coin_id, symbol, name, slug")
}

/// All of `quotes_latest`, by key.
pub fn all_latest() -> String {
    format!("SELECT {} FROM quotes_latest ORDER BY coin_id, currency", columns::quotes().join(", "))
}

/// All of `quotes_history`, by key.
pub fn all_history() -> String {
    format!(
        "SELECT {} FROM quotes_history ORDER BY coin_id, currency, last_updated",
        columns::quotes().join(", ")
    )
}

/// The largest coins of the newest snapshot: currency (twice), and how many. [`top_coin`] reads a row.
pub const TOP: &str = "SELECT q.cmc_rank, c.name, c.symbol, q.currency, q.price, q.percent_change_1h, \
        q.percent_change_24h, q.percent_change_7d, q.market_cap, q.last_updated \
    FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
    WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
        WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
    ORDER BY q.cmc_rank IS NULL, q.cmc_rank, c.id LIMIT ?";

/// The coins of the newest snapshot: currency (twice). [`listed_coin`] reads a row.
pub const LISTED: &str = "SELECT c.id, c.symbol, c.name, c.slug, q.fetched_at \
    FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
    WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
        WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
    ORDER BY c.id";

/// A row of [`columns::COINS`].
pub fn coin<R: Row>(mut row: R) -> Result<CoinEntry, R::Error> {
    let coin = Coin {
        id: row.take()?,
        symbol: row.take()?,
        name: row.take()?,
        slug: row.take()?,
        date_added: row.take()?,
        platform_id: row.take()?,
        token_address: row.take()?,
        tags: row.optional_json()?,
        infinite_supply: row.take()?,
        is_active: row.take()?,
    };
    Ok(CoinEntry { coin, first_seen_at: row.take()?, last_seen_at: row.take()? })
}

/// A row of [`columns::IDENTITIES`].
pub fn identity<R: Row>(mut row: R) -> Result<IdentityEntry, R::Error> {
    Ok(IdentityEntry {
        coin_id: row.take()?,
        symbol: row.take()?,
        name: row.take()?,
        slug: row.take()?,
        first_seen_at: row.take()?,
        last_seen_at: row.take()?,
    })
}

/// A row of [`columns::quotes`].
pub fn quote<R: Row>(mut row: R) -> Result<QuoteEntry, R::Error> {
    let coin_id = row.take()?;
    let currency = row.take()?;
    let mut numbers = [None; Measure::COUNT];
    for (number, measure) in numbers.iter_mut().zip(Measure::ALL) {
        *number = if measure.kind() == Kind::Count { row.quote_count()? } else { row.number()? };
    }
    let missing = row.text()?.map(|list| measures(&list)).unwrap_or_default();
    let quote = Quote { currency, numbers, missing, last_updated: row.take()? };
    let fetched_at = row.take()?;
    Ok(QuoteEntry { coin_id, quote, fetched_at, batch: BatchId::from_stored(row.take::<String>()?) })
}

/// The measures of a column list. A column of a newer version is not one of them.
fn measures(list: &str) -> MeasureSet {
    let named = |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name);
    list.split(',').filter_map(named).collect()
}

/// A row of the newest quote and the newest fetch, each by what new loaders and what old ones wrote.
pub fn freshness<R: Row>(mut row: R) -> Result<Freshness, R::Error> {
    Ok(Freshness {
        newest_quote_at: row.instant()?.max(row.instant()?),
        newest_fetch_at: row.instant()?.max(row.instant()?),
    })
}

/// A row of [`TOP`].
pub fn top_coin<R: Row>(mut row: R) -> Result<TopCoin, R::Error> {
    Ok(TopCoin {
        rank: row.take()?,
        name: row.take()?,
        symbol: row.take()?,
        currency: row.take()?,
        price: row.take()?,
        percent_change_1h: row.take()?,
        percent_change_24h: row.take()?,
        percent_change_7d: row.take()?,
        market_cap: row.take()?,
        last_updated: row.take()?,
    })
}

/// A row of [`LISTED`].
pub fn listed_coin<R: Row>(mut row: R) -> Result<ListedCoin, R::Error> {
    Ok(ListedCoin {
        id: row.take()?,
        symbol: row.take()?,
        name: row.take()?,
        slug: row.take()?,
        fetched_at: row.take()?,
    })
}

//! The read side of the quotes.

use chrono::{DateTime, Utc};
use ports::{Freshness, ListedCoin, TopCoin};

use crate::row::{Row, Unreadable};

/// The best ranked of the newest snapshot in a currency, for [`top_coin`]; binds the currency, again the currency, and how
/// many.
pub const TOP: &str = "SELECT q.cmc_rank AS cmc_rank, c.name AS name, c.symbol AS symbol, q.currency AS currency, \
        q.price AS price, q.percent_change_1h AS percent_change_1h, q.percent_change_24h AS percent_change_24h, \
        q.percent_change_7d AS percent_change_7d, q.market_cap AS market_cap, q.last_updated AS last_updated \
    FROM quotes_latest AS q JOIN coin_descriptions AS c ON c.id = q.coin_id \
    WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
        WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
    ORDER BY q.cmc_rank IS NULL, q.cmc_rank, c.id LIMIT ?";

/// The coins of the newest snapshot in a currency, for [`listed_coin`]; binds the currency twice.
pub const LISTED: &str = "SELECT c.id AS id, c.symbol AS symbol, c.name AS name, c.slug AS slug, q.fetched_at AS fetched_at, \
        q.last_updated AS last_updated \
    FROM quotes_latest AS q JOIN coin_descriptions AS c ON c.id = q.coin_id \
    WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
        WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
    ORDER BY c.id";

/// The newest quote in a currency that is no older than an instant, for [`last_updated`]; binds the instant and the currency. Reads
/// what is that new and no more.
pub const NEWEST_IN: &str = "SELECT last_updated FROM history WHERE last_updated >= ? AND currency = ? \
    ORDER BY last_updated DESC LIMIT 1";

/// A row of [`NEWEST_IN`].
pub fn last_updated(row: &dyn Row) -> Result<DateTime<Utc>, Unreadable> {
    row.get("last_updated")
}

/// A row of [`TOP`].
pub fn top_coin(row: &dyn Row) -> Result<TopCoin, Unreadable> {
    Ok(TopCoin {
        rank: row.nullable("cmc_rank")?,
        name: row.get("name")?,
        symbol: row.get("symbol")?,
        currency: row.get("currency")?,
        price: row.nullable("price")?,
        percent_change_1h: row.nullable("percent_change_1h")?,
        percent_change_24h: row.nullable("percent_change_24h")?,
        percent_change_7d: row.nullable("percent_change_7d")?,
        market_cap: row.nullable("market_cap")?,
        last_updated: row.get("last_updated")?,
    })
}

/// A row of [`LISTED`].
pub fn listed_coin(row: &dyn Row) -> Result<ListedCoin, Unreadable> {
    Ok(ListedCoin {
        id: row.get("id")?,
        symbol: row.get("symbol")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        fetched_at: row.get("fetched_at")?,
        last_updated: row.get("last_updated")?,
    })
}

/// How fresh the tables are: what loaders of this version write down, and what loaders of older versions leave to be found.
pub fn freshness(row: &dyn Row) -> Result<Freshness, Unreadable> {
    Ok(Freshness {
        newest_quote_at: row.nullable("newest_quote_at")?.max(row.nullable("newest_in_history")?),
        newest_fetch_at: row.nullable("newest_fetch_at")?.max(row.nullable("newest_unsaid")?),
    })
}

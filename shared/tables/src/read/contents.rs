//! Reading the tables about coins.

use domain::{BatchId, Coin, Measure, MeasureSet, Quote};

use crate::columns::{COINS, IDENTITIES, quotes};
use crate::contents::{CoinEntry, IdentityEntry, QuoteEntry};
use crate::judgement::Held;
use crate::row::{Row, Unreadable};

/// The statement that reads all of `coins`, for [`coin`].
pub fn all_coins() -> String {
    format!("SELECT {} FROM coins ORDER BY id", COINS.join(", "))
}

/// The statement that reads all of `coin_identities`, for [`identity`].
pub fn all_identities() -> String {
    format!("SELECT {} FROM coin_identities ORDER BY coin_id, symbol, name, slug", IDENTITIES.join(", "))
}

/// The statement that reads all of `quotes_latest`, for [`quote`].
pub fn all_latest() -> String {
    format!("SELECT {} FROM quotes_latest ORDER BY coin_id, currency", quotes().join(", "))
}

/// The statement that reads all of `quotes_history`, for [`quote`].
pub fn all_history() -> String {
    format!("SELECT {} FROM quotes_history ORDER BY coin_id, currency, last_updated", quotes().join(", "))
}

/// The statement that reads `quotes_latest` of coins, for [`held`]; `ids` is what stands in the parentheses after `IN`.
pub fn latest_of(ids: &str) -> String {
    format!("SELECT {} FROM quotes_latest WHERE coin_id IN ({ids})", quotes().join(", "))
}

/// A row of `coins`.
pub fn coin(row: &dyn Row) -> Result<CoinEntry, Unreadable> {
    let coin = Coin {
        id: row.get("id")?,
        name: row.get("name")?,
        symbol: row.get("symbol")?,
        slug: row.get("slug")?,
        date_added: row.nullable("date_added")?,
        platform_id: row.nullable("platform_id")?,
        token_address: row.nullable("token_address")?,
        tags: row.json("tags")?,
        infinite_supply: row.nullable("infinite_supply")?,
        is_active: row.nullable("is_active")?,
    };
    Ok(CoinEntry { coin, first_seen_at: row.get("first_seen_at")?, last_seen_at: row.get("last_seen_at")? })
}

/// A row of `coin_identities`.
pub fn identity(row: &dyn Row) -> Result<IdentityEntry, Unreadable> {
    Ok(IdentityEntry {
        coin_id: row.get("coin_id")?,
        symbol: row.get("symbol")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        first_seen_at: row.get("first_seen_at")?,
        last_seen_at: row.get("last_seen_at")?,
    })
}

/// A row of `quotes_latest` or `quotes_history`.
pub fn quote(row: &dyn Row) -> Result<QuoteEntry, Unreadable> {
    let mut numbers = [None; Measure::COUNT];
    for (number, measure) in numbers.iter_mut().zip(Measure::ALL) {
        *number = row.nullable(measure.column())?;
    }
    let missing: Option<String> = row.nullable("missing_fields")?;
    let quote = Quote {
        currency: row.get("currency")?,
        numbers,
        missing: missing.as_deref().map(measures).unwrap_or_default(),
        last_updated: row.get("last_updated")?,
    };
    Ok(QuoteEntry {
        coin_id: row.get("coin_id")?,
        quote,
        fetched_at: row.get("fetched_at")?,
        batch: BatchId::from_stored(row.get::<String>("batch_id")?),
    })
}

/// A row of `quotes_latest`, as a chunk's quotes are judged against it: an entry of [`Held`].
pub fn held(row: &dyn Row) -> Result<<Held as IntoIterator>::Item, Unreadable> {
    let entry = quote(row)?;
    Ok(((entry.coin_id, entry.quote.currency.clone()), (entry.quote, entry.fetched_at)))
}

/// The measures of a column list. A column of a newer version is not one of them.
fn measures(list: &str) -> MeasureSet {
    let named = |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name);
    list.split(',').filter_map(named).collect()
}

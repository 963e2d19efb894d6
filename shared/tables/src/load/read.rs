//! Reading what the tables hold of the coins that are loaded.

use std::collections::BTreeMap;

use domain::{Coin, Measure, MeasureSet, Quote};

use super::coins::Known;
use super::quotes::HeldQuote;
use super::statements::Select;
use crate::columns::{COINS, latest as latest_columns};
use crate::row::{Row, Unreadable};

/// Reads `coin_descriptions`, for [`coin`]. By id: in the order in which all who load lock.
pub(super) fn coins() -> Select {
    Select::new(&COINS, |ids| format!("FROM coin_descriptions WHERE id IN ({ids}) ORDER BY id"))
}

/// Reads `columns` of `coin_names`.
pub(super) fn identities(columns: &[&'static str]) -> Select {
    Select::new(columns, |ids| format!("FROM coin_names WHERE coin_id IN ({ids})"))
}

/// Reads the keys and instants of `quotes_latest`, for [`held`].
pub(super) fn latest_keys() -> Select {
    Select::new(&["coin_id", "currency", "last_updated", "fetched_at"], of_latest)
}

/// Reads `quotes_latest` whole, for [`held_whole`].
pub(super) fn latest() -> Select {
    Select::new(&latest_columns(), of_latest).with_doubles()
}

fn of_latest(ids: &str) -> String {
    format!("FROM quotes_latest WHERE coin_id IN ({ids})")
}

/// A row of `coin_descriptions`, and its key.
pub(crate) fn coin(row: &dyn Row) -> Result<<BTreeMap<u32, Known<Coin>> as IntoIterator>::Item, Unreadable> {
    let id = row.get("id")?;
    let coin = Coin {
        id,
        name: row.get("name")?,
        symbol: row.get("symbol")?,
        slug: row.get("slug")?,
        date_added: row.nullable("date_added")?,
        platform_id: row.nullable("platform_id")?,
        platform_name: row.nullable("platform_name")?,
        token_address: row.nullable("token_address")?,
        tags: row.json("tags")?,
        infinite_supply: row.nullable("infinite_supply")?,
        is_active: row.nullable("is_active")?,
    };
    let (first_seen_at, last_seen_at) = (row.get("first_seen_at")?, row.get("last_seen_at")?);
    Ok((id, Known { what: coin, first_seen_at, last_seen_at }))
}

/// A row of `quotes_latest` without its numbers.
pub(super) fn held(row: &dyn Row) -> Result<HeldQuote, Unreadable> {
    Ok(HeldQuote {
        coin_id: row.get("coin_id")?,
        currency: row.get("currency")?,
        last_updated: row.get("last_updated")?,
        fetched_at: row.get("fetched_at")?,
        quote: None,
    })
}

/// A row of `quotes_latest`.
pub(super) fn held_whole(row: &dyn Row) -> Result<HeldQuote, Unreadable> {
    let mut numbers = [None; Measure::COUNT];
    for (number, measure) in numbers.iter_mut().zip(Measure::ALL) {
        *number = row.nullable(measure.column())?;
    }
    let missing: Option<String> = row.nullable("missing_fields")?;
    let held = held(row)?;
    let quote = Quote {
        currency: held.currency.clone(),
        numbers,
        missing: missing.as_deref().map(measures).unwrap_or_default(),
        last_updated: held.last_updated,
    };
    Ok(HeldQuote { quote: Some(Box::new(quote)), ..held })
}

/// The measures of a column list. A column of a newer version is not one of them.
pub(crate) fn measures(list: &str) -> MeasureSet {
    let named = |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name);
    list.split(',').filter_map(named).collect()
}

//! Pages of test coins, cleaned, and what is written of them.

use std::borrow::Cow;

use chrono::DateTime;
use domain::wire::{QuoteRef, RowRef};
use domain::{Coin, CoinRow, PageMeta, Quote};

use super::{Cleaned, clean};
use crate::test_page::{TestCoin, body, now};

/// These coins, cleaned as a page of `meta`.
pub(crate) fn clean_coins(meta: &PageMeta, coins: &[TestCoin]) -> Cleaned<'static> {
    let coins: Vec<_> = coins.iter().map(TestCoin::json).collect();
    clean(meta, body(&coins).leak(), now()).unwrap()
}

/// The rows that passed, as they are written.
pub(crate) fn rows_of(cleaned: &Cleaned) -> Vec<CoinRow> {
    let rows = cleaned.rows().unwrap();
    cleaned.passed.iter().map(|&position| to_row(&rows.get(position).unwrap())).collect()
}

fn to_row(row: &RowRef<Cow<str>>) -> CoinRow {
    let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
    let coin = Coin {
        id: row.id,
        name: row.name.to_owned(),
        symbol: row.symbol.to_owned(),
        slug: row.slug.to_owned(),
        date_added: row.date_added.map(at),
        platform_id: row.platform_id,
        platform_name: row.platform_name.map(str::to_owned),
        token_address: row.token_address.map(str::to_owned),
        tags: row.tags.map(|tags| tags.iter().map(ToString::to_string).collect()),
        infinite_supply: row.infinite_supply,
        is_active: row.is_active,
    };
    let quote = |quote: &QuoteRef| Quote {
        currency: quote.currency.to_owned(),
        numbers: quote.numbers,
        missing: quote.missing,
        last_updated: at(quote.last_updated),
    };
    CoinRow { coin: coin.into(), quotes: row.quotes.iter().map(quote).collect() }
}

//! One coin as a row of a listing, in the field order of the real API.

mod history;
pub(super) mod json;
mod quote;

use domain::ApiVersion;

pub(super) use self::history::render_history;
use self::json::{Object, Quoted};
use self::quote::quotes;
use super::coin::Coin;
use super::number::{Nullable, Number, rounded};
use super::state::CoinState;
use super::walk::Minute;
use crate::currency::Currency;
use crate::query::Aux;

/// What all rows of one answer share.
pub(crate) struct Style<'a> {
    pub(crate) version: ApiVersion,
    /// Whether a tag is an object, as among quotes, and not its slug alone, as in listings.
    pub(crate) whole_tags: bool,
    pub(crate) aux: &'a Aux,
    pub(crate) converts: &'a [&'static Currency],
    /// The market cap of all coins, in dollars.
    pub(crate) total_cap: f64,
    /// How much of a currency a dollar bought at a minute.
    pub(crate) per_dollar: &'a dyn Fn(&Currency, Minute) -> f64,
}

/// The row as JSON.
pub(crate) fn render(state: &CoinState<'_>, style: &Style<'_>) -> String {
    let mut json = String::with_capacity(1_600);
    let mut row = Object::open(&mut json);
    match style.version {
        ApiVersion::V1 => v1_fields(&mut row, state, style.aux),
        ApiVersion::V3 => v3_fields(&mut row, state, style),
    }
    row.key("quote");
    quotes(row.out, state, style);
    row.close();
    json
}

fn v1_fields(row: &mut Object<'_>, state: &CoinState<'_>, aux: &Aux) {
    let coin = state.coin;
    row.field("id", coin.id);
    row.text("name", &coin.name);
    row.text("symbol", &coin.symbol);
    row.text("slug", &coin.slug);
    row.field_if(aux.has("num_market_pairs"), "num_market_pairs", coin.market_pairs);
    row.field_if(aux.has("date_added"), "date_added", Quoted(&coin.date_added));
    row.field_if(aux.has("tags"), "tags", &coin.tags);
    row.field_if(aux.has("max_supply"), "max_supply", Nullable(coin.max));
    row.field_if(aux.has("circulating_supply"), "circulating_supply", Number(coin.circulating));
    row.field_if(aux.has("total_supply"), "total_supply", Number(coin.total));
    // The real API swaps these two for tokens.
    if coin.platform.is_some() {
        row.field_if(aux.has("platform"), "platform", platform(coin));
        row.field("infinite_supply", coin.infinite_supply);
    } else {
        row.field("infinite_supply", coin.infinite_supply);
        row.field_if(aux.has("platform"), "platform", platform(coin));
    }
    row.field_if(aux.has("cmc_rank"), "cmc_rank", state.rank);
    self_reported(row, state);
    row.field("tvl_ratio", tvl_ratio(coin));
    row.field("last_updated", Quoted(&state.minute.to_text()));
    row.field("minted_market_cap", Number(rounded(state.price * coin.total, 2)));
    row.field_if(aux.has("is_market_cap_included_in_calc"), "is_market_cap_included_in_calc", included(coin));
}

fn v3_fields(row: &mut Object<'_>, state: &CoinState<'_>, style: &Style<'_>) {
    let (coin, aux) = (state.coin, style.aux);
    if style.whole_tags {
        row.field_if(aux.has("tags"), "tags", whole_tags(&coin.tags));
    } else {
        row.field_if(aux.has("tags"), "tags", &coin.tags);
    }
    row.field("id", coin.id);
    row.text("name", &coin.name);
    row.text("symbol", &coin.symbol);
    row.text("slug", &coin.slug);
    row.field("infinite_supply", coin.infinite_supply);
    row.field_if(aux.has("circulating_supply"), "circulating_supply", Number(coin.circulating));
    row.field_if(aux.has("total_supply"), "total_supply", Number(coin.total));
    row.field_if(aux.has("max_supply"), "max_supply", Nullable(coin.max));
    row.field_if(aux.has("date_added"), "date_added", Quoted(&coin.date_added));
    row.field_if(aux.has("num_market_pairs"), "num_market_pairs", coin.market_pairs);
    row.field_if(aux.has("cmc_rank"), "cmc_rank", state.rank);
    row.field("last_updated", Quoted(&state.minute.to_text()));
    row.field("tvl_ratio", tvl_ratio(coin));
    row.field_if(aux.has("platform"), "platform", platform(coin));
    self_reported(row, state);
    row.field("minted_market_cap", Number(rounded(state.price * coin.total, 2)));
    row.field_if(aux.has("is_market_cap_included_in_calc"), "is_market_cap_included_in_calc", included(coin));
}

/// The tags of this list of slugs, each as an object.
fn whole_tags(slugs: &str) -> String {
    let slugs: Vec<String> = serde_json::from_str(slugs).unwrap_or_default();
    let whole = |slug: &String| serde_json::json!({"slug": slug, "name": slug, "category": "CATEGORY"});
    slugs.iter().map(whole).collect::<serde_json::Value>().to_string()
}

fn self_reported(row: &mut Object<'_>, state: &CoinState<'_>) {
    let claimed = state.coin.self_reported;
    row.field("self_reported_circulating_supply", Nullable(claimed));
    row.field("self_reported_market_cap", Nullable(claimed.map(|supply| supply * state.price)));
}

pub(super) fn platform(coin: &Coin) -> &str {
    coin.platform.as_deref().unwrap_or("null")
}

fn tvl_ratio(coin: &Coin) -> Nullable {
    Nullable(coin.locked_share.map(|share| rounded(1.0 / share, 8)))
}

fn included(coin: &Coin) -> u8 {
    u8::from(coin.circulating > 0.0)
}

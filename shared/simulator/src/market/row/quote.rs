//! The quotes of a row, one for each currency.

use std::fmt::Write as _;

use domain::ApiVersion;

use super::Style;
use super::json::{Object, Quoted};
use crate::currency::Currency;
use crate::market::number::{Nullable, Number, percent, rounded};
use crate::market::state::CoinState;

/// How far back the `percent_change_*` fields look, in minutes.
const HORIZONS: [(&str, i32); 6] = [
    ("percent_change_1h", 60),
    ("percent_change_24h", 1_440),
    ("percent_change_7d", 7 * 1_440),
    ("percent_change_30d", 30 * 1_440),
    ("percent_change_60d", 60 * 1_440),
    ("percent_change_90d", 90 * 1_440),
];

/// v1: a map by symbol. v3: an array.
pub(super) fn quotes(out: &mut String, state: &CoinState<'_>, style: &Style<'_>) {
    let (open, close) = match style.version {
        ApiVersion::V1 => ('{', '}'),
        ApiVersion::V3 => ('[', ']'),
    };
    out.push(open);
    for (index, currency) in style.converts.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if style.version == ApiVersion::V1 {
            let _ = write!(out, "\"{}\":", currency.symbol);
        }
        quote(out, state, currency, style);
    }
    out.push(close);
}

fn quote(out: &mut String, state: &CoinState<'_>, currency: &Currency, style: &Style<'_>) {
    let CoinState { coin, minute, .. } = *state;
    let rate = (style.per_dollar)(currency, minute);
    let (price, volume, cap) = (state.price * rate, state.volume * rate, state.cap * rate);
    let mut quote = Object::open(out);
    if style.version == ApiVersion::V3 {
        quote.field("id", currency.id);
        quote.text("symbol", currency.symbol);
    }
    quote.field("price", Number(price));
    quote.field("volume_24h", Number(volume));
    quote.field("volume_change_24h", Number(percent(state.volume, coin.volume.at(minute.back(1_440)), 4)));
    if style.version == ApiVersion::V3 {
        quote.field("cex_volume_24h", Number(volume * (1.0 - coin.dex_share)));
        quote.field("dex_volume_24h", Number(volume * coin.dex_share));
    }
    // The longer and the reported volumes are only asked for by `aux`; they are in proportion.
    for (name, times) in [
        ("volume_24h_reported", 1.3),
        ("volume_7d", 7.0),
        ("volume_7d_reported", 9.1),
        ("volume_30d", 30.0),
        ("volume_30d_reported", 39.0),
    ] {
        quote.field_if(style.aux.has(name), name, Number(volume * times));
    }
    for (name, minutes) in HORIZONS {
        let then = minute.back(minutes);
        quote
            .field(name, Number(percent(price, coin.price.at(then) * (style.per_dollar)(currency, then), 8)));
    }
    quote.field("market_cap", Number(cap));
    quote.field("market_cap_dominance", Number(rounded(state.cap / style.total_cap.max(1.0) * 100.0, 4)));
    let diluted = rounded(price * coin.max.unwrap_or(coin.total), 2);
    quote.field("fully_diluted_market_cap", Number(diluted));
    quote.field_if(
        style.aux.has("market_cap_by_total_supply"),
        "market_cap_by_total_supply",
        Number(rounded(price * coin.total, 2)),
    );
    if style.version == ApiVersion::V3 {
        quote.field("minted_market_cap", Number(rounded(price * coin.total, 2)));
    }
    quote.field("tvl", Nullable(coin.locked_share.map(|share| rounded(cap * share, 2))));
    quote.field("last_updated", Quoted(&minute.to_text()));
    quote.close();
}

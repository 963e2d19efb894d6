//! One coin as a row of a listing, in the field order of the real API.

use std::fmt::{Display, Write as _};

use super::coin::Coin;
use super::currency::Currency;
use super::number::{Nullable, Number, rounded};
use super::walk::Minute;
use crate::query::Aux;
use domain::ApiVersion;

/// How far back the `percent_change_*` fields look, in minutes.
const HORIZONS: [(&str, i32); 6] = [
    ("percent_change_1h", 60),
    ("percent_change_24h", 1_440),
    ("percent_change_7d", 7 * 1_440),
    ("percent_change_30d", 30 * 1_440),
    ("percent_change_60d", 60 * 1_440),
    ("percent_change_90d", 90 * 1_440),
];

/// What a row shows that depends on the time, in dollars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'m> {
    pub(crate) coin: &'m Coin,
    pub(crate) minute: Minute,
    pub(crate) price: f64,
    pub(crate) cap: f64,
    pub(crate) volume: f64,
    pub(crate) rank: usize,
}

impl<'m> Standing<'m> {
    /// The coin as its quotes are at `now`: one or two minutes old.
    pub(crate) fn at(coin: &'m Coin, now: Minute) -> Self {
        let minute = now.back(coin.lag);
        let price = coin.price.at(minute);
        Self { coin, minute, price, cap: price * coin.circulating, volume: coin.volume.at(minute), rank: 0 }
    }

    /// Percent that the price has moved in the last `minutes`, in dollars.
    pub(crate) fn change(&self, minutes: i32) -> f64 {
        percent(self.price, self.coin.price.at(self.minute.back(minutes)), 8)
    }
}

/// What all rows of one answer share.
pub(crate) struct Style<'a> {
    pub(crate) version: ApiVersion,
    pub(crate) aux: &'a Aux,
    pub(crate) converts: &'a [&'static Currency],
    /// The market cap of all coins, in dollars.
    pub(crate) total_cap: f64,
    /// How much of a currency a dollar bought at a minute.
    pub(crate) per_dollar: &'a dyn Fn(&Currency, Minute) -> f64,
}

/// The row as JSON.
pub(crate) fn render(standing: &Standing<'_>, style: &Style<'_>) -> String {
    let mut json = String::with_capacity(1_600);
    let mut row = Object::open(&mut json);
    match style.version {
        ApiVersion::V1 => v1_fields(&mut row, standing, style.aux),
        ApiVersion::V3 => v3_fields(&mut row, standing, style.aux),
    }
    row.key("quote");
    quotes(row.out, standing, style);
    row.close();
    json
}

fn v1_fields(row: &mut Object<'_>, standing: &Standing<'_>, aux: &Aux) {
    let coin = standing.coin;
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
    row.field_if(aux.has("cmc_rank"), "cmc_rank", standing.rank);
    self_reported(row, standing);
    row.field("tvl_ratio", tvl_ratio(coin));
    row.field("last_updated", Quoted(&standing.minute.to_text()));
    row.field("minted_market_cap", Number(rounded(standing.price * coin.total, 2)));
    row.field_if(aux.has("is_market_cap_included_in_calc"), "is_market_cap_included_in_calc", included(coin));
}

fn v3_fields(row: &mut Object<'_>, standing: &Standing<'_>, aux: &Aux) {
    let coin = standing.coin;
    row.field_if(aux.has("tags"), "tags", &coin.tags);
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
    row.field_if(aux.has("cmc_rank"), "cmc_rank", standing.rank);
    row.field("last_updated", Quoted(&standing.minute.to_text()));
    row.field("tvl_ratio", tvl_ratio(coin));
    row.field_if(aux.has("platform"), "platform", platform(coin));
    self_reported(row, standing);
    row.field("minted_market_cap", Number(rounded(standing.price * coin.total, 2)));
    row.field_if(aux.has("is_market_cap_included_in_calc"), "is_market_cap_included_in_calc", included(coin));
}

fn self_reported(row: &mut Object<'_>, standing: &Standing<'_>) {
    let claimed = standing.coin.self_reported;
    row.field("self_reported_circulating_supply", Nullable(claimed));
    row.field("self_reported_market_cap", Nullable(claimed.map(|supply| supply * standing.price)));
}

fn platform(coin: &Coin) -> &str {
    coin.platform.as_deref().unwrap_or("null")
}

fn tvl_ratio(coin: &Coin) -> Nullable {
    Nullable(coin.locked_share.map(|share| rounded(1.0 / share, 8)))
}

fn included(coin: &Coin) -> u8 {
    u8::from(coin.circulating > 0.0)
}

/// v1: a map by symbol. v3: an array.
fn quotes(out: &mut String, standing: &Standing<'_>, style: &Style<'_>) {
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
        quote(out, standing, currency, style);
    }
    out.push(close);
}

fn quote(out: &mut String, standing: &Standing<'_>, currency: &Currency, style: &Style<'_>) {
    let Standing { coin, minute, .. } = *standing;
    let rate = (style.per_dollar)(currency, minute);
    let (price, volume, cap) = (standing.price * rate, standing.volume * rate, standing.cap * rate);
    let mut quote = Object::open(out);
    if style.version == ApiVersion::V3 {
        quote.field("id", currency.id);
        quote.text("symbol", currency.symbol);
    }
    quote.field("price", Number(price));
    quote.field("volume_24h", Number(volume));
    quote.field("volume_change_24h", Number(percent(standing.volume, coin.volume.at(minute.back(1_440)), 4)));
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
    quote.field("market_cap_dominance", Number(rounded(standing.cap / style.total_cap.max(1.0) * 100.0, 4)));
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

/// Percent from `then` to `now`; 0 when there was nothing to move from.
fn percent(now: f64, then: f64, decimals: i32) -> f64 {
    if then > 0.0 { rounded((now / then - 1.0) * 100.0, decimals) } else { 0.0 }
}

/// Writes the fields of one JSON object. Writing to a `String` cannot fail, so results of `write!` are dropped.
struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    fn key(&mut self, name: &str) {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.out.push_str(name);
        self.out.push_str("\":");
        self.empty = false;
    }

    /// A field whose value shows itself as JSON.
    fn field(&mut self, name: &str, value: impl Display) {
        self.key(name);
        let _ = write!(self.out, "{value}");
    }

    fn field_if(&mut self, wanted: bool, name: &str, value: impl Display) {
        if wanted {
            self.field(name, value);
        }
    }

    /// A text that may need escapes.
    fn text(&mut self, name: &str, value: &str) {
        self.field(name, serde_json::Value::from(value));
    }

    fn close(self) {
        self.out.push('}');
    }
}

/// A text that needs no escapes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

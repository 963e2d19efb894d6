//! A coin as quotes/historical has it: what it is, and its quotes at some instants.

use super::json::{Object, Quoted};
use crate::currency::Currency;
use crate::market::coin::Coin;
use crate::market::number::Number;
use crate::market::state::CoinState;
use crate::market::walk::Minute;
use crate::query::HistoryQuery;

/// The coin as JSON, with a quote for each of `instants`, which are as a listing's at that instant. What the coin had no quote for is
/// left out.
pub(in crate::market) fn render_history(
    coin: &Coin,
    instants: &[Minute],
    query: &HistoryQuery,
    per_dollar: &dyn Fn(&Currency, Minute) -> f64,
) -> String {
    let mut json = String::with_capacity(200 + instants.len() * 320);
    let mut object = Object::open(&mut json);
    object.field("id", coin.id);
    object.text("name", &coin.name);
    object.text("symbol", &coin.symbol);
    object.field_if(query.has("is_active"), "is_active", 1);
    object.field_if(query.has("is_fiat"), "is_fiat", 0);
    object.key("quotes");
    object.out.push('[');
    for (index, instant) in instants.iter().enumerate() {
        if index > 0 {
            object.out.push(',');
        }
        let mut point = Object::open(object.out);
        point.field("timestamp", Quoted(&instant.to_text()));
        point.field_if(query.has("search_interval"), "search_interval", Quoted("1h"));
        point.key("quote");
        quotes(point.out, &CoinState::at(coin, *instant), query, per_dollar);
        point.close();
    }
    object.out.push(']');
    object.close();
    json
}

/// A map by currency, in v3, too.
fn quotes(
    out: &mut String,
    state: &CoinState<'_>,
    query: &HistoryQuery,
    per_dollar: &dyn Fn(&Currency, Minute) -> f64,
) {
    let mut quotes = Object::open(out);
    for currency in &query.converts {
        let rate = per_dollar(currency, state.minute);
        quotes.key(currency.symbol);
        let mut quote = Object::open(quotes.out);
        quote.field_if(query.has("price"), "price", Number(state.price * rate));
        quote.field_if(query.has("volume"), "volume_24h", Number(state.volume * rate));
        quote.field_if(query.has("market_cap"), "market_cap", Number(state.cap * rate));
        quote.field_if(query.has("circulating_supply"), "circulating_supply", Number(state.coin.circulating));
        quote.field_if(query.has("total_supply"), "total_supply", Number(state.coin.total));
        quote.field_if(query.has("quote_timestamp"), "last_updated", Quoted(&state.minute.to_text()));
        quote.close();
    }
    quotes.close();
}

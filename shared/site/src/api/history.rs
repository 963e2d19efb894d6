//! `/api/coins/{id}/history`: every quote of a coin in a currency, in the order of time.

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use chrono::{DateTime, TimeDelta};
use domain::{Measure, timestamp};
use ports::store::{CurrencyUse, HistorySpan};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Routes;
use super::coins::{id, no_coin};
use super::json::{next, quote};
use crate::context::Context;
use crate::market::{ORDERS, chosen};
use crate::parameters::{Parameters, instant, one_of, whole_number};
use crate::trouble::Trouble;

/// Quotes of one answer that are not asked for otherwise, and the most.
const LIMIT: u64 = 1000;
const MOST: u64 = 10_000;

pub(super) fn routes() -> Routes {
    vec![("/api/coins/{id}/history", get(history))]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    currency: Option<String>,
    from: Option<String>,
    until: Option<String>,
    order: Option<String>,
    limit: Option<String>,
}

async fn history(
    State(context): State<Context>,
    Path(text): Path<String>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Trouble> {
    let from = instant("from", asked.from.as_deref())?.unwrap_or(DateTime::UNIX_EPOCH);
    // The future, which a clock that was set back can show, is not left out.
    let until = instant("until", asked.until.as_deref())?.unwrap_or(context.now() + TimeDelta::days(1));
    let newest_first = one_of("order", asked.order.as_deref(), &ORDERS)?.unwrap_or_default();
    let limit = whole_number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(LIMIT);
    let browse = &context.stores().browse;
    let record = context.ask(browse.coin(id(&text)?)).await?.ok_or_else(|| no_coin(&text))?;
    let mut uses: Vec<_> = record
        .quotes
        .iter()
        .map(|it| CurrencyUse {
            currency: it.quote.currency.clone(),
            coins: 1,
            newest_fetch_at: it.fetched_at,
        })
        .collect();
    uses.sort_by_key(|it| it.currency != "USD");
    let currency = chosen(&uses, asked.currency.as_deref())?;
    let coin = record.coin.id;
    let span = HistorySpan { from, until, of: Some((coin, currency.clone())), newest_first };
    let quotes = context.ask(browse.history(&span, None, u32::try_from(limit).unwrap_or(u32::MAX))).await?;
    let is_full = quotes.len() as u64 == limit;
    // There is one quote of an instant, so the next page is the rest of the span.
    let next = quotes.last().filter(|_| is_full).map(|last| {
        let at = last.quote.last_updated;
        let (from, until) = if newest_first { (from, at) } else { (at + TimeDelta::milliseconds(1), until) };
        let (from, until, limit) = (timestamp::to_text(from), timestamp::to_text(until), limit.to_string());
        let parameters = [
            ("currency", Some(currency.as_str())),
            ("from", Some(from.as_str())),
            ("until", Some(until.as_str())),
            ("order", Some(if newest_first { "desc" } else { "asc" })),
            ("limit", Some(limit.as_str())),
        ];
        next(&context, &format!("/api/coins/{coin}/history"), &parameters)
    });
    let quotes: Vec<_> = quotes
        .iter()
        .map(|it| {
            let mut object = quote(&it.quote, &Measure::HISTORY);
            object.insert("fetched_at".to_owned(), json!(timestamp::to_text(it.fetched_at)));
            object.insert("batch".to_owned(), json!(it.batch.as_str()));
            Value::Object(object)
        })
        .collect();
    Ok(Json(json!({ "id": coin, "currency": currency, "quotes": quotes, "next": next })))
}

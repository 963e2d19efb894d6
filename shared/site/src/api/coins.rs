//! `/api/coins`: the newest quotes, and `/api/coins/{id}`: all about one coin but its past.

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use domain::{Measure, one_line, timestamp};
use ports::store::{MarketQuery, MarketSort, Search, Start};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Routes;
use super::json::{coin, next, quote};
use crate::context::Context;
use crate::market::{chosen, descending, sort_column};
use crate::parameters::{Parameters, flag, whole_number, word};
use crate::trouble::Trouble;

/// Coins of one answer that are not asked for otherwise, and the most.
const LIMIT: u64 = 100;
const MOST: u64 = 1000;

pub(super) fn routes() -> Routes {
    vec![("/api/coins", get(coins)), ("/api/coins/{id}", get(one))]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    currency: Option<String>,
    search: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    gone: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

async fn coins(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Trouble> {
    let by = sort_column(word(asked.sort.as_deref()).unwrap_or(Measure::CmcRank.column()))?;
    let descending = descending(asked.order.as_deref(), by)?;
    let limit = whole_number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(LIMIT);
    let start = match asked.after.as_deref() {
        None => Start::Row(0),
        Some(text) => Start::After(by.key(text).ok_or_else(|| {
            let sort = by.column();
            Trouble::BadParameter(format!(
                "after must be from the next of an answer that was sorted by {sort}"
            ))
        })?),
    };
    let with_gone = flag("gone", asked.gone.as_deref())?;
    let search = word(asked.search.as_deref());
    let browse = &context.stores().browse;
    let currencies = context.currencies(asked.currency.as_deref()).await?;
    if currencies.is_empty() {
        return Ok(Json(json!({ "currency": null, "total": 0, "newest": null, "coins": [], "next": null })));
    }
    let currency = chosen(&currencies, asked.currency.as_deref())?;
    let query = MarketQuery {
        currency: currency.clone(),
        listed_only: !with_gone,
        search: search.map(|text| Search::Contains(text.to_owned())),
        sort: MarketSort { by, descending },
        start,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    };
    let found = context.ask(browse.market(&query)).await?;
    let is_full = found.rows.len() as u64 == limit;
    let next = found.rows.last().filter(|_| is_full).map(|last| {
        let (limit, key) = (limit.to_string(), last.key.to_string());
        let parameters = [
            ("currency", Some(currency.as_str())),
            ("search", search),
            ("sort", Some(by.column())),
            ("order", Some(if descending { "desc" } else { "asc" })),
            ("gone", with_gone.then_some("1")),
            ("limit", Some(limit.as_str())),
            ("after", Some(key.as_str())),
        ];
        next(&context, "/api/coins", &parameters)
    });
    let newest = found.newest.map(|newest| {
        json!({ "batch": newest.batch.as_str(), "fetched_at": timestamp::to_text(newest.fetched_at) })
    });
    let rows = found.rows.iter().map(|row| {
        let mut object = coin(&row.coin, &Measure::ALL);
        object.insert("listed".to_owned(), json!(row.is_listed));
        Value::Object(object)
    });
    let rows: Vec<_> = rows.collect();
    Ok(Json(
        json!({ "currency": currency, "total": found.total, "newest": newest, "coins": rows, "next": next }),
    ))
}

/// The coin's number in an address.
pub(super) fn id(text: &str) -> Result<u32, Trouble> {
    text.parse().map_err(|_| no_coin(text))
}

/// Nothing has this id; a name or a symbol is none.
pub(super) fn no_coin(id: &str) -> Trouble {
    let is_name = !id.bytes().all(|byte| byte.is_ascii_digit());
    let how = if is_name { "; the list of coins finds it by the parameter search" } else { "" };
    Trouble::NotFound(format!("no snapshot had a coin with the id {}{how}", one_line(id, 50)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn one(
    State(context): State<Context>,
    Path(text): Path<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Json<Value>, Trouble> {
    let found = context.ask(context.stores().browse.coin(id(&text)?)).await?;
    let record = found.ok_or_else(|| no_coin(&text))?;
    let about = &record.coin;
    let quotes: Vec<_> = record
        .quotes
        .iter()
        .map(|it| {
            let mut object = quote(&it.quote, &Measure::ALL);
            let missing: Vec<_> = it.quote.missing.iter().map(Measure::column).collect();
            object.insert("missing_fields".to_owned(), json!(missing));
            object.insert("fetched_at".to_owned(), json!(timestamp::to_text(it.fetched_at)));
            object.insert("batch".to_owned(), json!(it.batch.as_str()));
            object.insert("since".to_owned(), json!(it.since.map(timestamp::to_text)));
            Value::Object(object)
        })
        .collect();
    let identities: Vec<_> = record
        .identities
        .iter()
        .map(|it| {
            json!({
                "symbol": it.symbol,
                "name": it.name,
                "slug": it.slug,
                "first_seen_at": timestamp::to_text(it.first_seen_at),
                "last_seen_at": timestamp::to_text(it.last_seen_at),
            })
        })
        .collect();
    Ok(Json(json!({
        "id": about.id,
        "symbol": about.symbol,
        "name": about.name,
        "slug": about.slug,
        "date_added": about.date_added.map(timestamp::to_text),
        "platform_id": about.platform_id,
        "platform_name": about.platform_name,
        "token_address": about.token_address,
        "tags": about.tags,
        "infinite_supply": about.infinite_supply,
        "is_active": about.is_active,
        "listed": record.is_listed,
        "first_seen_at": timestamp::to_text(record.first_seen_at),
        "last_seen_at": timestamp::to_text(record.last_seen_at),
        "quotes": quotes,
        "identities": identities,
    })))
}

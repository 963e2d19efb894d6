//! `/api/market`: the market as it was at an instant.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use chrono::TimeDelta;
use domain::{Measure, timestamp};
use ports::store::MarketThen;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Routes;
use super::json::{coin, next};
use crate::context::Context;
use crate::market::chosen;
use crate::parameters::{Parameters, instant, whole_number, word};
use crate::trouble::Trouble;

/// Coins of one answer that are not asked for otherwise, and the most.
const LIMIT: u64 = 100;
const MOST: u64 = 1000;
/// A coin without a quote for so long had left, if nothing else is asked for.
const MAX_AGE: Duration = Duration::from_hours(24);
/// So far may the clock of whoever asks be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

pub(super) fn routes() -> Routes {
    vec![("/api/market", get(market))]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    at: Option<String>,
    currency: Option<String>,
    max_age: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

async fn market(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Trouble> {
    let now = timestamp::to_millis(context.now());
    let at = instant("at", asked.at.as_deref())?.unwrap_or(now);
    if at > now + AHEAD {
        return Err(Trouble::BadParameter(
            "at must not be in the future; without it, the market is told as it is now".to_owned(),
        ));
    }
    let limit = whole_number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(LIMIT);
    let after = whole_number("after", asked.after.as_deref(), 0..=u64::from(u32::MAX))?.unwrap_or(0);
    let age = max_age(asked.max_age.as_deref())?;
    let browse = &context.stores().browse;
    let currencies = context.currencies(asked.currency.as_deref()).await?;
    if currencies.is_empty() {
        let at = timestamp::to_text(at);
        return Ok(Json(json!({ "at": at, "currency": null, "coins": [], "next": null })));
    }
    let currency = chosen(&currencies, asked.currency.as_deref())?;
    let then =
        MarketThen { currency: currency.clone(), at, after: at.checked_sub_signed(age).unwrap_or_default() };
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let found = context.ask(browse.market_then(&then, small(after), small(limit))).await?;
    let is_full = found.len() as u64 == limit;
    let next = found.last().filter(|_| is_full).map(|last| {
        let (at, limit, id) = (timestamp::to_text(at), limit.to_string(), last.id.to_string());
        let parameters = [
            ("at", Some(at.as_str())),
            ("currency", Some(currency.as_str())),
            ("max_age", word(asked.max_age.as_deref())),
            ("limit", Some(limit.as_str())),
            ("after", Some(id.as_str())),
        ];
        next(&context, "/api/market", &parameters)
    });
    let coins: Vec<_> = found.iter().map(|it| Value::Object(coin(it, &Measure::HISTORY))).collect();
    let at = timestamp::to_text(at);
    Ok(Json(json!({ "at": at, "currency": currency, "coins": coins, "next": next })))
}

fn max_age(text: Option<&str>) -> Result<TimeDelta, Trouble> {
    let age = match word(text) {
        None => Some(MAX_AGE),
        Some(text) => humantime::parse_duration(text).ok(),
    };
    age.and_then(|age| TimeDelta::from_std(age).ok())
        .ok_or_else(|| Trouble::BadParameter("max_age must be a duration such as 24h or 7d".to_owned()))
}

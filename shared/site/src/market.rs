//! The market: the table of coins, and one coin.

mod coin;
mod currency;
mod filter;
mod table;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::TimeDelta;
use maud::html;
use ports::store::Divided;

use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::Parameters;
use crate::trouble::Trouble;
use filter::{Asked, Filter};

pub(crate) use currency::chosen;
pub(crate) use filter::{descending, sort_column};

/// What a sparkline shows.
const SPARK_DAYS: TimeDelta = TimeDelta::days(7);
/// Points of a sparkline: one for six hours.
const SPARK_POINTS: u32 = 28;

pub(crate) fn routes() -> Router<Context> {
    Router::new().route("/", get(market)).merge(coin::routes())
}

async fn market(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Trouble> {
    let stores = context.stores();
    let currencies = context.ask(stores.browse.currencies()).await?;
    let shell = async || Shell::new(&context, "Market", Section::Market).await;
    if currencies.is_empty() {
        // What was asked for has to make sense all the same.
        Filter::of(asked, String::new())?;
        let empty = html! {
            p { "There are no quotes yet. They come with the first snapshot." }
            p { "This process takes one by itself when it is due. " code { "coinpipe --once" } " takes one now, and "
                a href=(context.href("/pipeline")) { "Pipeline" } " shows where it is." }
        };
        return Ok(shell().await.around(&context, &empty));
    }
    let currency = chosen(&currencies, asked.currency.as_deref())?;
    let filter = Filter::of(asked, currency)?;
    let found = context.ask(stores.browse.market(&filter.query())).await?;
    let ids: Vec<_> = found.rows.iter().map(|row| row.coin.id).collect();
    let now = context.now();
    let week = Divided { from: now - SPARK_DAYS, until: now, parts: SPARK_POINTS };
    let sparks = context.ask(stores.browse.sparklines(&ids, filter.currency(), week)).await?;
    let view = table::View { context: &context, filter: &filter, currencies: &currencies, found: &found };
    let main = view.main(&week, &sparks);
    Ok(shell().await.around(&context, &main))
}

#[cfg(test)]
mod tests;

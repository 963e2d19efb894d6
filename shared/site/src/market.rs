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
use maud::{Markup, html};
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
    // The shell asks questions of its own, meanwhile.
    let shell = Shell::new(&context, "Market", Section::Market);
    let (shell, main) = tokio::join!(shell, table(&context, asked));
    Ok(shell.around(&context, &main?))
}

/// All below the heading.
async fn table(context: &Context, asked: Asked) -> Result<Markup, Trouble> {
    let browse = &context.stores().browse;
    let currencies = context.ask(browse.currencies()).await?;
    if currencies.is_empty() {
        // What was asked for has to make sense all the same.
        Filter::of(asked, String::new())?;
        return Ok(html! {
            p { "There are no quotes yet. They come with the first snapshot." }
            p { "A fetcher takes one when it is due. " code { "coinpipe --once" } " takes one now." }
        });
    }
    let currency = chosen(&currencies, asked.currency.as_deref())?;
    let filter = Filter::of(asked, currency)?;
    let found = context.ask(browse.market(&filter.query())).await?;
    let ids: Vec<_> = found.rows.iter().map(|row| row.coin.id).collect();
    let now = context.now();
    let week = Divided { from: now - SPARK_DAYS, until: now, parts: SPARK_POINTS };
    let sparks = context.ask(browse.sparklines(&ids, filter.currency(), week)).await?;
    let view = table::View { context, filter: &filter, currencies: &currencies, found: &found };
    Ok(view.main(&week, &sparks))
}

#[cfg(test)]
mod tests;

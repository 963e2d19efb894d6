//! The market: the table of coins, and one coin.

mod coin;
mod currency;
mod filter;
mod table;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use ports::store::{Divided, MarketRow};

use crate::context::Context;
use crate::courses;
use crate::layout::{Section, Shell};
use crate::moment;
use crate::parameters::Parameters;
use crate::trouble::Trouble;
use filter::{Asked, Filter};

pub(crate) use currency::chosen;
pub(crate) use filter::{ORDERS, descending, sort_column};

pub(crate) fn routes(context: &Context) -> Router<Context> {
    moment::shared(Router::new().route("/", get(market)).merge(coin::routes()), context)
}

async fn market(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Trouble> {
    // The shell asks questions of its own, meanwhile. Where there is no table, nobody waits for it.
    let shell = async { Ok(Shell::new(&context, "Market", Section::Market).await.staying_fresh()) };
    let (shell, main) = tokio::try_join!(shell, table(&context, asked))?;
    Ok(shell.around(&context, &main))
}

/// All below the heading.
async fn table(context: &Context, asked: Asked) -> Result<Markup, Trouble> {
    let browse = &context.stores().browse;
    let currencies = context.currencies(asked.currency.as_deref()).await?;
    if currencies.is_empty() {
        // What was asked for has to make sense all the same.
        Filter::of(asked, String::new())?;
        return Ok(html! {
            p { "There are no quotes yet. They come with the first snapshot." }
            p { "A fetcher takes one when it is due; where none runs, " code { "coinpipe --once" } " takes one now." }
        });
    }
    let currency = chosen(&currencies, asked.currency.as_deref())?;
    let filter = Filter::of(asked, currency)?;
    let found = context.ask(browse.market(&filter.query())).await?;
    let week = courses::span(context.now());
    let sparks = sparks(context, &found.rows, filter.currency(), &week).await?;
    let view = table::View { context, filter: &filter, currencies: &currencies, found: &found };
    Ok(view.main(&week, &sparks))
}

/// The courses of `rows` over `week`. Only those are read that nobody looked at since they changed.
async fn sparks(
    context: &Context,
    rows: &[MarketRow],
    currency: &str,
    week: &Divided,
) -> Result<table::Sparks, Trouble> {
    let (mut sparks, missing) = context.courses().split(rows, currency, week, context.now());
    if !missing.is_empty() {
        let read = context.ask(context.stores().browse.sparklines(&missing, currency, *week)).await?;
        sparks.extend(context.courses().keep(rows, currency, week, context.now(), read, &missing));
    }
    Ok(sparks)
}

#[cfg(test)]
mod tests;

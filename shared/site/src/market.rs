//! The market: the table of coins, and one coin.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde::Deserialize;

use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::Parameters;
use crate::trouble::Trouble;

/// Coins of one view.
const COINS: u32 = 100;

pub(crate) fn routes() -> Router<Context> {
    Router::new().route("/", get(market))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default = "usd")]
    currency: String,
}

fn usd() -> String {
    "USD".to_owned()
}

async fn market(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Trouble> {
    let coins = context.ask(context.stores().quotes.top(&asked.currency, COINS)).await?;
    let shell = Shell::new(&context, "Market", Section::Market).await;
    let table = html! {
        @if coins.is_empty() {
            p { "There are no quotes yet. They come with the first snapshot; " code { "coinpipe --once" } " takes one now." }
        } @else {
            table {
                caption { "The best ranked coins, in " (asked.currency) }
                thead { tr { th scope="col" { "Rank" } th scope="col" { "Name" } th scope="col" { "Price" } } }
                tbody {
                    @for coin in &coins {
                        tr {
                            td { @if let Some(rank) = coin.rank { (rank) } }
                            th scope="row" { (coin.name) " " (coin.symbol) }
                            td { @if let Some(price) = coin.price { (price) } }
                        }
                    }
                }
            }
        }
    };
    Ok(shell.around(&context, &table))
}

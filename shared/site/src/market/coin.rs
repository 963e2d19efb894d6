//! One coin: its numbers, its past as plots and as CSV, its names, and where its quotes are from.

mod csv;
mod facts;
mod past;
mod range;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{DateTime, TimeDelta};
use domain::one_line;
use futures_util::future::try_join_all;
use ports::store::{ChartPoint, CoinRecord, CurrencyUse, Divided, HistorySpan, NewestQuote};
use serde::Deserialize;

use super::currency::chosen;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::{Parameters, word};
use crate::slash::{Views, lead};
use crate::trouble::Trouble;
use range::Range;

/// Points of a plot, at most.
const POINTS: u32 = 300;

/// Pieces of a plot that are asked for at once: the 720 quotes of a month lie on as many pages of the disk, which otherwise is asked for one
/// after the other (decision 33).
const PIECES: u32 = 4;

/// Quotes that are listed with their batches.
const LISTED: u32 = 10;
/// The longest name in a heading, in characters.
const LONGEST_NAME: usize = 100;

pub(super) fn routes() -> Router<Context> {
    Router::new().view("/coins/{id}", get(coin)).view("/coins", get(all))
}

/// The market is the list of coins.
async fn all(State(context): State<Context>, uri: Uri) -> Response {
    lead(&context.href("/"), uri.query())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    currency: Option<String>,
    range: Option<String>,
}

/// What is looked at: a coin, one of its currencies, and a stretch of its past.
struct Looked {
    record: CoinRecord,
    quote: NewestQuote,
    currencies: Vec<String>,
    range: Range,
    span: Divided,
}

impl Looked {
    /// Where the view is, with this `currency` and `range`, and below it what has this `ending`.
    fn path(&self, ending: &str, currency: &str, range: Range) -> String {
        let currency: String = url::form_urlencoded::byte_serialize(currency.as_bytes()).collect();
        format!("/coins/{}{ending}?currency={currency}&range={}", self.record.coin.id, range.as_str())
    }
}

async fn coin(
    State(context): State<Context>,
    Path(name): Path<String>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Trouble> {
    let (id, is_csv) = name.strip_suffix(".csv").map_or((name.as_str(), false), |id| (id, true));
    if !is_csv && !id.bytes().all(|byte| byte.is_ascii_digit()) {
        // A name or a symbol, which others may have, too.
        let mut search = url::form_urlencoded::Serializer::new(String::new());
        search.append_pair("search", id);
        if let Some(currency) = word(asked.currency.as_deref()) {
            search.append_pair("currency", currency);
        }
        return Ok(Redirect::to(&context.href(&format!("/?{}", search.finish()))).into_response());
    }
    let looked = look(&context, id, &asked).await?;
    let (id, currency) = (looked.record.coin.id, looked.quote.quote.currency.clone());
    let points = points(&context, id, &currency, looked.span);
    if is_csv {
        return Ok(csv::answer(&looked, &points.await?));
    }
    let newest = HistorySpan {
        from: DateTime::UNIX_EPOCH,
        // A clock that was set back hides nothing.
        until: looked.quote.quote.last_updated.max(context.now()) + TimeDelta::seconds(1),
        of: Some((id, currency.clone())),
        newest_first: true,
    };
    let quotes = context.ask(context.stores().browse.history(&newest, None, LISTED));
    let coin = &looked.record.coin;
    let name = format!("{} ({})", one_line(&coin.name, LONGEST_NAME), one_line(&coin.symbol, LONGEST_NAME));
    let shell = async { Ok(Shell::new(&context, name, Section::Market).await.with_plots().staying_fresh()) };
    let (points, quotes, shell) = tokio::try_join!(points, quotes, shell)?;
    let main = maud::html! {
        (facts::headline(&context, &looked))
        (past::plots(&context, &looked, &points))
        div.columns {
            (facts::numbers(&looked))
            (facts::description(&context, &looked))
        }
        (facts::identities(&context, &looked))
        (facts::batches(&context, &looked, &quotes))
    };
    Ok(shell.around(&context, &main))
}

/// The points of the plots. Each piece is a question of its own.
async fn points(
    context: &Context,
    id: u32,
    currency: &str,
    span: Divided,
) -> Result<Vec<ChartPoint>, Trouble> {
    let pieces = span.pieces(PIECES).into_iter();
    let found = pieces.map(|piece| context.ask(context.stores().browse.chart(id, currency, piece)));
    Ok(try_join_all(found).await?.concat())
}

async fn look(context: &Context, id: &str, asked: &Asked) -> Result<Looked, Trouble> {
    let no_coin = || Trouble::NotFound(format!("no snapshot had a coin with the id {}", one_line(id, 50)));
    let range = Range::named(asked.range.as_deref())?.unwrap_or(Range::Week);
    let number = id.parse().map_err(|_| no_coin())?;
    let record = context.ask(context.stores().browse.coin(number)).await?.ok_or_else(no_coin)?;
    let uses = record.quotes.iter().map(|it| CurrencyUse {
        currency: it.quote.currency.clone(),
        coins: 1,
        newest_fetch_at: it.fetched_at,
    });
    let mut uses: Vec<_> = uses.collect();
    // What the newest snapshot has comes before what no snapshot asks for any more; dollars before others.
    uses.sort_by_key(|it| (std::cmp::Reverse(it.newest_fetch_at), it.currency != "USD"));
    let currency = chosen(&uses, asked.currency.as_deref())?;
    let quote = record.quotes.iter().find(|it| it.quote.currency == currency).cloned().ok_or_else(no_coin)?;
    let span = range.span(context.now(), &quote);
    let currencies = uses.into_iter().map(|it| it.currency).collect();
    Ok(Looked { record, quote, currencies, range, span })
}

//! `coinpipe price`: what coins cost, and how they came there.

mod sparkline;

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{Measure, timestamp};
use ports::Browse;
use ports::store::{ChartPoint, CoinQuote, Divided};
use serde_json::{Value, json};
use service::{Process, Usage};

use crate::coin_names::{self, Meant};
use crate::values::duration;
use crate::{adapters, numbers, output};

/// Parts of the span, and characters of the sparkline.
const PARTS: u32 = 60;

/// Show what coins cost: the newest price, its changes, and a line of a span
#[derive(Args, Debug)]
pub(crate) struct PriceArgs {
    /// Which coins, by symbol, slug, name or id; of those that share a symbol, the best ranked
    #[arg(required = true, value_name = "COIN")]
    coins: Vec<String>,
    /// The span of the line, until now, such as 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "7d")]
    last: Duration,
    /// In which currency; without it, the first of the newest snapshot
    #[arg(long, value_name = "SYMBOL")]
    currency: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A coin, and its past.
struct Shown {
    meant: Meant,
    chart: Vec<ChartPoint>,
}

pub(crate) async fn run(process: &Process, args: &PriceArgs) -> anyhow::Result<()> {
    let now = process.clock.now();
    let from = TimeDelta::from_std(args.last).ok().and_then(|last| now.checked_sub_signed(last));
    let Some(from) = from else { return Err(Usage("--last goes back too far".to_owned()).into()) };
    let span = Divided::new(from, now + TimeDelta::seconds(1), PARTS);
    let Some(stores) = process.open_stores_read_only().await? else {
        bail!(adapters::nothing_at(&process.config().store.url));
    };
    let browse = &*stores.browse;
    let currencies = coin_names::currencies(browse, args.currency.as_deref()).await?;
    let mut shown = Vec::new();
    for text in &args.coins {
        shown.push(look(browse, text, &currencies, span).await?);
    }
    if args.json {
        let coins: Vec<_> = shown.iter().map(to_json).collect();
        return output::print(serde_json::to_string_pretty(&coins)?);
    }
    let last = humantime::format_duration(args.last).to_string();
    for (place, coin) in shown.iter().enumerate() {
        if place > 0 {
            output::print("")?;
        }
        for line in to_lines(coin, &last, now) {
            output::print(line)?;
        }
    }
    if stores.store.data_kinds().await?.simulated {
        output::say("The data is SIMULATED.");
    }
    Ok(())
}

async fn look(
    browse: &dyn Browse,
    text: &str,
    currencies: &[String],
    span: Divided,
) -> anyhow::Result<Shown> {
    let meant = coin_names::meant(browse, text, currencies).await?;
    let chart = browse.chart(meant.coin.id, &meant.coin.quote.currency, span).await?;
    Ok(Shown { meant, chart })
}

const CHANGES: [(&str, Measure); 5] = [
    ("1 h", Measure::PercentChange1h),
    ("24 h", Measure::PercentChange24h),
    ("7 d", Measure::PercentChange7d),
    ("30 d", Measure::PercentChange30d),
    ("90 d", Measure::PercentChange90d),
];

fn to_lines(Shown { meant, chart }: &Shown, last: &str, now: DateTime<Utc>) -> Vec<String> {
    let CoinQuote { quote, .. } = &meant.coin;
    let price = |price: f64| numbers::price(Some(price));
    let changes = CHANGES.map(|(time, measure)| format!("{time} {}", numbers::percent(quote.get(measure))));
    let mut lines = vec![
        coin_names::named(&meant.coin),
        format!(
            "  {} {}, {} ago",
            numbers::price(quote.get(Measure::Price)),
            quote.currency,
            numbers::age(now, quote.last_updated)
        ),
        format!("  {}", changes.join("   ")),
        format!(
            "  market cap {}   volume 24 h {}",
            numbers::money(quote.get(Measure::MarketCap)),
            numbers::money(quote.get(Measure::Volume24h))
        ),
    ];
    if let (Some(first), Some(end)) = (chart.first(), chart.last()) {
        let lows = chart.iter().map(|point| point.low).fold(f64::INFINITY, f64::min);
        let highs = chart.iter().map(|point| point.high).fold(f64::NEG_INFINITY, f64::max);
        let line = sparkline::line(chart.iter().map(|point| point.last));
        let change = (first.first > 0.0).then(|| (end.last / first.first - 1.0) * 100.0);
        lines.push(format!(
            "  {last}  {} {line} {}  {}",
            price(first.first),
            price(end.last),
            numbers::percent(change)
        ));
        lines.push(format!("  low {}   high {}", price(lows), price(highs)));
    } else {
        lines.push(format!("  no quotes in the last {last}"));
    }
    if !meant.others.is_empty() {
        let others = coin_names::list(&meant.others);
        lines.push(format!("  also called so: {others}; name one by its id"));
    }
    lines
}

fn to_json(Shown { meant, chart }: &Shown) -> Value {
    let CoinQuote { id, symbol, name, slug, quote, fetched_at, batch } = &meant.coin;
    let values =
        Measure::ALL.map(|measure| (measure.column().to_owned(), numbers::json(measure, quote.get(measure))));
    let values: serde_json::Map<_, _> = values.into_iter().collect();
    let others = meant.others.iter().map(|coin| {
        let rank = numbers::json(Measure::CmcRank, coin.quote.get(Measure::CmcRank));
        json!({ "id": coin.id, "symbol": coin.symbol, "name": coin.name, "slug": coin.slug, "cmc_rank": rank })
    });
    let history = chart.iter().map(|point| {
        json!({
            "first_at": timestamp::to_text(point.first_at),
            "last_at": timestamp::to_text(point.last_at),
            "first": point.first,
            "low": point.low,
            "high": point.high,
            "last": point.last,
            "volume_24h": point.volume_24h,
            "market_cap": point.market_cap,
            "quotes": point.quotes,
        })
    });
    json!({
        "id": id,
        "symbol": symbol,
        "name": name,
        "slug": slug,
        "currency": quote.currency,
        "quote": values,
        "last_updated": timestamp::to_text(quote.last_updated),
        "fetched_at": timestamp::to_text(*fetched_at),
        "batch_id": batch.as_str(),
        "others": others.collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(),
    })
}

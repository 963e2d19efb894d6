//! `coinpipe price`: what coins cost, and how they came there.

mod sparkline;

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{Measure, amounts, timestamp};
use ports::store::{ChartPoint, CoinQuote, Divided};
use ports::{Browse, StoreError};
use serde_json::{Value, json};
use service::{Process, Usage};

use crate::coin_names::{self, Meant};
use crate::values::some_time;
use crate::{adapters, data_kind, numbers, output};

/// Parts of the span, and characters of the sparkline.
const PARTS: u32 = 60;

/// Show what coins cost: the newest price, its changes, and a line of a span
#[derive(Args, Debug)]
pub(crate) struct PriceArgs {
    /// Which coins, by symbol, slug, name or id; of those that share a symbol, the best ranked
    #[arg(required = true, value_name = "COIN")]
    coins: Vec<String>,
    /// The span of the line, until now, such as 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = last, default_value = "7d")]
    last: Last,
    /// In which currency; without it, the first of the newest snapshot
    #[arg(long, value_name = "SYMBOL")]
    currency: Option<String>,
    /// Print JSON: all numbers of the newest quote below `quote`, the points of the line in `history`
    #[arg(long)]
    json: bool,
}

/// How far back the line goes.
#[derive(Clone, Debug)]
struct Last {
    time: Duration,
    /// As it was typed, with blanks before its units.
    label: String,
}

fn last(text: &str) -> Result<Last, String> {
    let time = some_time(text)?;
    let mut label = String::new();
    for letter in text.trim().chars() {
        let is_next = |before: char| before.is_ascii_digit() != letter.is_ascii_digit() && before != ' ';
        if letter != ' ' && label.chars().next_back().is_some_and(is_next) {
            label.push(' ');
        }
        label.push(letter);
    }
    Ok(Last { time, label })
}

/// A coin, and its past.
struct Shown {
    meant: Meant,
    chart: Vec<ChartPoint>,
}

pub(crate) async fn run(process: &Process, args: &PriceArgs) -> anyhow::Result<()> {
    let now = process.clock.now();
    let from = TimeDelta::from_std(args.last.time).ok().and_then(|last| now.checked_sub_signed(last));
    let Some(from) = from else { return Err(Usage("--last goes back too far".to_owned()).into()) };
    let span = Divided::new(from, now + TimeDelta::seconds(1), PARTS);
    let Some(stores) = process.open_stores_read_only().await? else {
        bail!(adapters::nothing_at(&process.config().store.url));
    };
    let browse = &*stores.browse;
    let currencies = coin_names::currencies(browse, args.currency.as_deref()).await?;
    let (mut shown, mut troubles) = (Vec::new(), Vec::new());
    for text in &args.coins {
        match look(browse, text, &currencies, span).await {
            Ok(coin) => shown.push(coin),
            // The others would wait for the same store.
            Err(trouble) if trouble.is::<StoreError>() => return Err(trouble),
            Err(trouble) => {
                let told = format!("{trouble:#}");
                // Who asks for the same twice is told once.
                if !troubles.contains(&told) {
                    troubles.push(told);
                }
            }
        }
    }
    if shown.is_empty() {
        bail!(troubles.join("; "));
    }
    if args.json {
        let coins: Vec<_> = shown.iter().map(to_json).collect();
        output::print(serde_json::to_string_pretty(&coins)?)?;
    } else {
        for (place, coin) in shown.iter().enumerate() {
            if place > 0 {
                output::print("")?;
            }
            for line in to_lines(coin, &args.last.label, (from, now)) {
                output::print(line)?;
            }
        }
    }
    data_kind::say_if_simulated(Some(&stores)).await?;
    if troubles.is_empty() { Ok(()) } else { bail!(troubles.join("; ")) }
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

/// The coin, with the line of the span `from` … `now`, which is called `last`.
fn to_lines(
    Shown { meant, chart }: &Shown,
    last: &str,
    (from, now): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<String> {
    let CoinQuote { quote, .. } = &meant.coin;
    let price = |price: f64| numbers::price(Some(price));
    let changes = CHANGES.map(|(time, measure)| format!("{time} {}", numbers::percent(quote.get(measure))));
    let name = if meant.is_listed {
        coin_names::named(&meant.coin)
    } else {
        format!("{}, which the newest snapshot does not have", coin_names::named_without_rank(&meant.coin))
    };
    let mut lines = vec![
        name,
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
        let change = amounts::change(first.first, end.last);
        lines.push(format!(
            "  {}  {} {line} {}  {}",
            of_span(chart, last, (from, now)),
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

/// What the line is of: the span, if there are quotes from about its beginning on; or how many there are, and since when.
fn of_span(chart: &[ChartPoint], last: &str, (from, now): (DateTime<Utc>, DateTime<Utc>)) -> String {
    let begins = chart.first().map_or(now, |first| first.first_at);
    if begins - from <= (now - from) / 10 {
        return last.to_owned();
    }
    let quotes = numbers::counted(chart.iter().map(|point| point.quotes).sum(), "quote");
    format!("of {last} only since {} ({quotes}):", begins.format("%Y-%m-%d %H:%M UTC"))
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
        "listed": meant.is_listed,
        "currency": quote.currency,
        "quote": values,
        "last_updated": timestamp::to_text(quote.last_updated),
        "fetched_at": timestamp::to_text(*fetched_at),
        "batch_id": batch.as_str(),
        "others": others.collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::{at, batch, quote};

    use super::*;

    fn point(first_at: i64, quotes: u64) -> ChartPoint {
        let (first_at, last_at) = (at(first_at), at(first_at + 60));
        let (volume_24h, market_cap) = (None, None);
        ChartPoint {
            first_at,
            last_at,
            first: 1.0,
            low: 1.0,
            high: 1.0,
            last: 1.0,
            volume_24h,
            market_cap,
            quotes,
        }
    }

    fn shown(is_listed: bool, chart: Vec<ChartPoint>) -> String {
        let mut quote = quote("USD", 1.0, at(0));
        quote.numbers[Measure::CmcRank as usize] = Some(1.0);
        let coin = CoinQuote {
            id: 1,
            symbol: "BTC".to_owned(),
            name: "Bitcoin".to_owned(),
            slug: "bitcoin".to_owned(),
            quote,
            fetched_at: at(0),
            batch: batch(0),
        };
        let meant = Meant { coin, is_listed, others: Vec::new() };
        let span = (at(-30 * 86_400), at(60));
        to_lines(&Shown { meant, chart }, &last("30d").unwrap().label, span).join("\n")
    }

    /// A line of two minutes is no line of a month.
    #[test]
    fn a_line_that_begins_late_says_since_when_and_of_how_many_quotes_it_is() {
        let late = shown(true, vec![point(-120, 1), point(0, 2)]);
        let told = "  of 30 d only since 2026-11-22 13:58 UTC (3 quotes):  1.00 ▄▄ 1.00  0.00 %";
        assert!(late.lines().any(|line| line == told), "{late}");
        let whole = shown(true, vec![point(-29 * 86_400, 1), point(0, 2)]);
        assert!(whole.lines().any(|line| line == "  30 d  1.00 ▄▄ 1.00  0.00 %"), "{whole}");
        assert!(shown(true, Vec::new()).ends_with("no quotes in the last 30 d"));
    }

    #[test]
    fn a_coin_that_left_has_no_rank() {
        assert!(shown(true, Vec::new()).starts_with("Bitcoin (BTC, id 1, rank 1)\n"));
        let left = shown(false, Vec::new());
        assert!(left.starts_with("Bitcoin (BTC, id 1), which the newest snapshot does not have\n"), "{left}");
    }

    #[test]
    fn a_span_is_called_as_it_was_typed() {
        for (typed, label) in [("30d", "30 d"), ("1y", "1 y"), ("1h30m", "1 h 30 m"), ("2 days", "2 days")] {
            assert_eq!(last(typed).unwrap().label, label);
        }
        assert!(last("0d").unwrap_err().contains("no time at all"));
    }
}

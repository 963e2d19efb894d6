//! Browse: what people look at, asked of the store again and again, as the site asks it.

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Measure;
use ports::Browse;
use ports::store::{Divided, HistorySpan, MarketColumn, MarketQuery, MarketSort, MarketThen, Search, Start};
use service::Process;
use tokio::time::Instant;

use crate::said::say;
use crate::stopwatch::cpu_seconds;

const ROWS: u32 = 100;

/// Asks `rounds` times for each view, always for other coins.
pub(crate) async fn run(process: &Process, rounds: u32) -> anyhow::Result<()> {
    let browse = process.open_stores().await?.browse;
    let currency = browse.currencies().await?.first().context("there are no quotes")?.currency.clone();
    let market = |by, descending| MarketQuery {
        currency: currency.clone(),
        listed_only: true,
        search: None,
        sort: MarketSort { by, descending },
        start: Start::Row(0),
        limit: ROWS,
    };
    let by_rank = || market(MarketColumn::Measure(Measure::CmcRank), false);
    let all = browse.market(&MarketQuery { limit: u32::MAX, ..by_rank() }).await?;
    let (coins, newest) = (all.rows, all.newest.context("there is no snapshot")?.fetched_at);
    let nth = |round: u32| coins[(round as usize).wrapping_mul(7919) % coins.len()].coin.id;
    let last = |days, parts| Divided::new(newest - TimeDelta::days(days), newest, parts);
    let browse: &dyn Browse = &*browse;

    time("currencies", rounds, async |_| browse.currencies().await.map(drop)).await?;
    time("market", rounds, async |_| browse.market(&by_rank()).await.map(drop)).await?;
    let changed = || market(MarketColumn::Measure(Measure::PercentChange24h), true);
    time("market by change", rounds, async |_| browse.market(&changed()).await.map(drop)).await?;
    let named = || market(MarketColumn::Name, false);
    time("market by name", rounds, async |_| browse.market(&named()).await.map(drop)).await?;
    time("market, a late page", rounds, async |round| {
        let start = Start::Row(u64::from(round % 90) * 100);
        browse.market(&MarketQuery { start, ..by_rank() }).await.map(drop)
    })
    .await?;
    time("market, search", rounds, async |round| {
        let search = Some(Search::Contains(format!("n {}", round % 100)));
        browse.market(&MarketQuery { search, ..by_rank() }).await.map(drop)
    })
    .await?;
    time("sparklines", rounds, async |round| {
        let begins = round as usize * ROWS as usize % coins.len();
        let page: Vec<_> = coins.iter().skip(begins).take(ROWS as usize).map(|row| row.coin.id).collect();
        browse.sparklines(&page, &currency, last(7, 28)).await.map(drop)
    })
    .await?;
    time("coin", rounds, async |round| browse.coin(nth(round)).await.map(drop)).await?;
    for (name, days) in [("a coin's day", 1), ("a coin's month", 30), ("a coin's year", 365)] {
        time(name, rounds, async |round| {
            browse.chart(nth(round), &currency, last(days, 300)).await.map(drop)
        })
        .await?;
    }
    time("market then, 500 coins", rounds, async |round| {
        let at = newest - TimeDelta::hours(i64::from(round % 500));
        let then = MarketThen { currency: currency.clone(), at, after: at - TimeDelta::days(1) };
        browse.market_then(&then, nth(round), 500).await.map(drop)
    })
    .await?;
    time("history, 5,000 quotes", rounds.div_ceil(10), async |round| {
        let from: DateTime<Utc> = newest - TimeDelta::hours(i64::from(round % 500));
        let span = HistorySpan { from, until: newest, of: None, newest_first: false };
        browse.history(&span, None, 5000).await.map(drop)
    })
    .await
}

/// Says what half of the answers, and what all but one in a hundred, took at most, and what one cost of this process's CPU, in
/// milliseconds. The last is all of it on SQLite.
async fn time(
    name: &str,
    rounds: u32,
    ask: impl AsyncFn(u32) -> Result<(), ports::StoreError>,
) -> anyhow::Result<()> {
    let (mut took, cpu) = (Vec::new(), cpu_seconds()?);
    for round in 0..rounds {
        let started = Instant::now();
        ask(round).await?;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    let at = |percent: usize| {
        let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(place).map_or(0.0, Duration::as_secs_f64) * 1e3
    };
    let cpu = (cpu_seconds()? - cpu) / f64::from(rounds.max(1)) * 1e3;
    say(name, &[("p50_ms", at(50)), ("p99_ms", at(99)), ("cpu_ms", cpu)])
}

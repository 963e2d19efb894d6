//! `coinpipe run --once`: one snapshot from the API to the tables, watched by a person.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use domain::BatchId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::store::{BatchRecord, TopCoin};
use ports::{Depth, QueueName};
use service::{Process, Source};

use crate::origin::{self, Adapters};
use crate::{output, run};

/// How often the queues are asked whether they are empty.
const LOOK: Duration = Duration::from_millis(50);

/// Queues that stay empty this long are done, also when the batch is not complete.
const QUIET: TimeDelta = TimeDelta::seconds(2);

/// How many coins the table shows.
const TOP: u32 = 10;

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    alerter::check_settings(process)?;
    let source = service::choose_source(&process.config().fetch, process.clock.clone()).await?;
    fetcher::check_settings(process, &source)?;
    let adapters = origin::open_for(process, &source).await?;
    output::say(format!("source    {}", run::describe(&source)));
    let progress = Progress::start();
    let stop = process.shutdown.soft();
    let snapshot = async {
        let result = snapshot(process, &adapters, &source, &progress).await;
        stop.cancel();
        result
    };
    let (outcome, drained) = tokio::join!(snapshot, run::run_consumers(process, &adapters));
    progress.clear();
    let outcome = outcome?;
    drained?;
    alerter::flush(process, &adapters.stores).await?;
    if let Some(batch) = outcome {
        return report(process, &adapters, &source, &batch).await;
    }
    output::say(
        "stopped before the snapshot was loaded; the pages that arrived are kept, and the next run loads them",
    );
    Ok(())
}

/// Fetches and waits until everything fetched so far is loaded. `None` when asked to stop first.
async fn snapshot(
    process: &Process,
    adapters: &Adapters,
    source: &Source,
    progress: &Progress,
) -> anyhow::Result<Option<BatchId>> {
    let stop = process.shutdown.soft();
    let fetcher = fetcher::for_process(process, &adapters.queues, None, source)?;
    // Asked to stop it gives an answer that is on its way a moment to arrive: it is paid for.
    match fetcher.fetch_now(progress, stop.clone()).await {
        Ok(snapshot) => {
            let doing = format!("cleaning and loading {} coins", output::count(u64::from(snapshot.coins)));
            let waiting = Waiting { queues: &QueueName::ALL, batch: Some(&snapshot.batch), doing: &doing };
            let drained = drain(process, adapters, &waiting, progress).await?;
            Ok(drained.then_some(snapshot.batch))
        }
        Err(_) if stop.is_cancelled() => Ok(None),
        Err(failure) => {
            // The letter about it is on its way to the desk.
            let doing = "filing what went wrong";
            let waiting = Waiting { queues: &[QueueName::Dead], batch: None, doing };
            drain(process, adapters, &waiting, progress).await?;
            Err(failure).context("the snapshot could not be fetched")
        }
    }
}

/// What is waited for.
struct Waiting<'a> {
    queues: &'a [QueueName],
    /// Whose rows should be in the tables by then.
    batch: Option<&'a BatchId>,
    /// In words, for the one who waits.
    doing: &'a str,
}

/// Waits until the queues are empty; `false` when asked to stop first.
async fn drain(
    process: &Process,
    adapters: &Adapters,
    waiting: &Waiting<'_>,
    progress: &Progress,
) -> anyhow::Result<bool> {
    let stop = process.shutdown.soft();
    let mut empty_since = None;
    loop {
        let mut depth = Depth::default();
        for &queue in waiting.queues {
            let one = adapters.queues.queue.depth(queue).await?;
            depth.ready += one.ready;
            depth.delayed += one.delayed;
            depth.unsettled += one.unsettled;
        }
        if depth.total() == 0 {
            // A broker does not tell what other workers hold, so an empty queue proves nothing while the
            // batch is not complete; one that stays empty is all that can be waited for.
            let now = process.clock.now();
            let since = *empty_since.get_or_insert(now);
            if now - since >= QUIET || is_complete(adapters, waiting.batch).await? {
                return Ok(true);
            }
        } else {
            empty_since = None;
        }
        if depth.delayed > 0 && depth.delayed == depth.total() {
            let messages = output::counted(depth.delayed, "message");
            progress.show(&format!("waiting: {messages} failed and will be tried again"));
        } else {
            progress.show(waiting.doing);
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = process.clock.sleep(LOOK) => {}
        }
    }
}

async fn is_complete(adapters: &Adapters, batch: Option<&BatchId>) -> anyhow::Result<bool> {
    let Some(batch) = batch else { return Ok(true) };
    Ok(adapters.stores.ledger.batch(batch).await?.is_some_and(|record| record.is_complete()))
}

async fn report(
    process: &Process,
    adapters: &Adapters,
    source: &Source,
    batch: &BatchId,
) -> anyhow::Result<()> {
    let config = process.config();
    let Some(record) = adapters.stores.ledger.batch(batch).await? else {
        bail!("batch {batch} did not reach the ledger; `coinpipe dead list` says why");
    };
    let currency = config.fetch.convert.first().map_or("USD", String::as_str);
    let top = adapters.stores.quotes.top(currency, TOP).await?;
    let now = process.clock.now();
    output::print(to_table(&top, currency, now))?;
    output::print(summary(&record))?;
    let totals = adapters.stores.quotes.totals().await?;
    output::print(format!(
        "Tables: {} coins, {} latest quotes, {} in the history, in {}",
        output::count(totals.coins),
        output::count(totals.quotes_latest),
        output::count(totals.quotes_history),
        service::place(&config.store.url),
    ))?;
    if record.simulated {
        let own = if source.simulator.is_some() { "; set CMC_API_KEY for real quotes" } else { "" };
        output::print(format!("The data is SIMULATED{own}."))?;
    }
    if record.is_complete() && record.coins_in == 0 {
        output::say("warning: the API sent no coins");
    }
    if record.is_complete() && record.coins_in > 0 && record.coins_in == record.rejected {
        bail!("all {} coins were rejected; `coinpipe dead list` says why", output::count(record.rejected));
    }
    if record.is_complete() {
        Ok(())
    } else {
        bail!(
            "batch {batch} is not complete: missing {}; `coinpipe dead list` says why",
            crate::batches::missing(&record)
        )
    }
}

fn summary(record: &BatchRecord) -> String {
    let coins = record.coins_in.saturating_sub(record.rejected);
    let rejected = if record.rejected == 0 {
        "none rejected".to_owned()
    } else {
        format!("{} rejected (see `coinpipe dead list`)", output::count(record.rejected))
    };
    format!(
        "Batch {}: {} coins loaded, {rejected}; {} quotes written, {} unchanged, {} stale",
        record.id,
        output::count(coins),
        output::count(record.written),
        output::count(record.unchanged),
        output::count(record.stale),
    )
}

fn to_table(top: &[TopCoin], currency: &str, now: DateTime<Utc>) -> comfy_table::Table {
    let price = format!("price {currency}");
    output::table(
        &["#", "coin", "symbol", &price, "1 h", "24 h", "7 d", "market cap", "age"],
        &[0, 3, 4, 5, 6, 7, 8],
        top.iter().map(|coin| {
            vec![
                coin.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
                output::plain(&coin.name, 24),
                output::plain(&coin.symbol, 10),
                output::price(coin.price),
                output::percent(coin.percent_change_1h),
                output::percent(coin.percent_change_24h),
                output::percent(coin.percent_change_7d),
                output::money(coin.market_cap),
                output::age(now, coin.last_updated),
            ]
        }),
    )
}

/// Progress on stderr: a spinner on a terminal, a line for each new step elsewhere.
struct Progress {
    bar: ProgressBar,
    last: std::sync::Mutex<String>,
}

impl Progress {
    fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, last: std::sync::Mutex::default() }
    }

    fn show(&self, step: &str) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last == step {
            return;
        }
        step.clone_into(&mut last);
        if self.bar.is_hidden() {
            output::say(step);
        } else {
            self.bar.set_message(step.to_owned());
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl fetcher::Watch for Progress {
    fn step(&self, step: fetcher::Step<'_>) {
        self.show(&step.to_string());
    }
}

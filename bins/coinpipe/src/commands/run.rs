//! `coinpipe run`: all four stages in this process until asked to stop.

use std::sync::Arc;

use clap::Args;
use domain::StageName;
use fetcher::{ChosenSource, Tables};
use service::Process;
use tracing::info;

use crate::adapters::Adapters;
use crate::opening::{self, Patience};
use crate::trial::PageTrial;

#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    /// Fetch one snapshot, load it, show the top of the table, and exit
    #[arg(long)]
    once: bool,
}

impl RunArgs {
    /// Whether one snapshot is wanted, and no schedule.
    pub(crate) fn is_once(&self) -> bool {
        self.once
    }
}

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    alerter::check_settings(process)?;
    // Declared now, because a process may wait long for its servers, and its metrics are scraped meanwhile.
    for declare in [
        fetcher::declare_metrics,
        transformer::declare_metrics,
        loader::declare_metrics,
        alerter::declare_metrics,
    ] {
        declare(&process.metrics);
    }
    let config = process.config();
    let source = fetcher::choose_source(&config.fetch, process.clock.clone()).await?;
    fetcher::check_settings(process, &source)?;
    // This waits for a server that is away. Nothing is in flight yet, so a stop needs no draining.
    let opening = Box::pin(opening::open_for(process, &source, Patience::Endless));
    let Some(adapters) = process.shutdown.soft().run_until_cancelled_owned(opening).await else {
        info!("stopped");
        return Ok(());
    };
    let adapters = adapters?;
    site::open(process, &adapters.queues, &adapters.stores, Some(Arc::new(PageTrial)));
    info!(queue = %config.queue.url, store = %config.store.url, every = ?config.fetch.every, "running all stages");
    let tables =
        Tables { ledger: adapters.stores.ledger.clone(), schedules: adapters.stores.schedules.clone() };
    let fetching = fetcher::run(process, &adapters.queues, Some(tables), &source);
    let alerting = alerter::run(process, &adapters.queues, &adapters.stores);
    let (fetched, drained) = tokio::join!(
        guard(process, StageName::Fetcher, fetching),
        Box::pin(consume(process, &adapters, alerting))
    );
    info!("stopped");
    fetched.and(drained)
}

/// Runs the three consuming stages for a command that ends by itself, until asked to stop.
pub(crate) async fn run_consumers(process: &Process, adapters: &Adapters) -> anyhow::Result<()> {
    let alerting = alerter::run_for_command(process, &adapters.queues, &adapters.stores);
    Box::pin(consume(process, adapters, alerting)).await
}

/// Runs the transformer and the loader, and what is `alerting`, until asked to stop. When one cannot go on, the others drain.
async fn consume(
    process: &Process,
    adapters: &Adapters,
    alerting: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let Adapters { queues, stores } = adapters;
    let (transformed, loaded, alerted) = tokio::join!(
        guard(process, StageName::Transformer, transformer::run(process, queues)),
        guard(process, StageName::Loader, loader::run(process, queues, stores)),
        guard(process, StageName::Alerter, alerting),
    );
    transformed.and(loaded).and(alerted)
}

/// A stage that ends before anyone asked ends the process, in good order.
async fn guard(
    process: &Process,
    stage: StageName,
    running: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let result = running.await;
    let stop = process.shutdown.soft();
    if stop.is_cancelled() {
        return result;
    }
    stop.cancel();
    result.and_then(|()| anyhow::bail!("the {stage} ended by itself"))
}

/// Where the data comes from, in plain words.
pub(crate) fn describe(source: &ChosenSource) -> String {
    if source.simulator.is_some() {
        "SIMULATED data from the built-in simulator; set CMC_API_KEY for real quotes".to_owned()
    } else if source.keyless {
        format!("{} without a key, which CoinMarketCap intends for early testing", source.base_url)
    } else {
        source.base_url.clone()
    }
}

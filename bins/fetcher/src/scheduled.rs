//! A fetcher on a schedule, put together of its settings and of what is around it.

use std::sync::Arc;

use anyhow::Context;
use config::Config;
use ports::{Clock, Leadership, Queue};
use stage::Failpoints;
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::collect::{ApiSource, Client, Credits};
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::parts::Parts;
use crate::schedule::{Scheduler, offset_of};
use crate::source::ChosenSource;
use crate::spool::Spool;
use crate::tables::Tables;

/// What is around a fetcher.
#[derive(Clone)]
pub struct Surroundings {
    /// What it tells the time by.
    pub clock: Arc<dyn Clock>,
    /// Where it counts.
    pub metrics: Metrics,
    /// Where tests make it crash.
    pub failpoints: Failpoints,
    /// Where it publishes.
    pub queue: Arc<dyn Queue>,
}

/// A fetcher that takes snapshots on its schedule.
pub struct ScheduledFetcher {
    scheduler: Scheduler,
    credits: Arc<Credits>,
    client: Client,
}

impl ScheduledFetcher {
    /// One of any number of fetchers that follow the same `leadership`, asking `source` as `config` says. The `tables` also tell of
    /// snapshots that were taken by hand. Holds the spool until it is dropped.
    pub fn new(
        config: &Config,
        source: &ChosenSource,
        around: &Surroundings,
        leadership: Arc<dyn Leadership>,
        tables: Option<Tables>,
    ) -> anyhow::Result<Self> {
        let client = client(&config.fetch, source, &around.clock)?;
        let parts = parts(config.fetch.clone(), config, source, around)?;
        let credits = parts.credits();
        Ok(Self { scheduler: parts.on_schedule(leadership, tables), credits, client })
    }

    /// Asks what the key has left, waits for the answer for some seconds at most, and says how that fits the schedule.
    pub async fn know_credits(&self) {
        self.credits.begin(&self.client).await;
    }

    /// Asks that again and again.
    pub fn watch_credits(&self) -> impl Future<Output = ()> + Send + 'static {
        let (credits, client) = (Arc::clone(&self.credits), self.client.clone());
        async move { credits.watch(&client).await }
    }

    /// Fetches on schedule until `stop`.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        self.scheduler.run(stop).await
    }
}

/// The parts of a fetcher that fetches what `settings` say, judges it as `config` does, and holds the spool that `settings` name, which no other
/// process may use.
pub(crate) fn parts(
    settings: config::Fetch,
    config: &Config,
    source: &ChosenSource,
    around: &Surroundings,
) -> anyhow::Result<Parts> {
    let Surroundings { clock, metrics, failpoints, queue } = around.clone();
    let client = client(&settings, source, &clock)?;
    let spool = Arc::new(Spool::open(&settings.spool).context("cannot open the fetcher's spool")?);
    let context = FetchContext::new(clock, FetchMetrics::new(&metrics), failpoints)
        .judging_by(config.judge.clone())
        .fetching(config.market.clone())
        .keeping(config.history.keep);
    let offset = offset_of(&settings, &installation(config, &spool));
    Ok(Parts::new(settings, client, &spool, queue, offset, context))
}

/// A client of `source`.
pub(crate) fn client(
    fetch: &config::Fetch,
    source: &ChosenSource,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Client> {
    let base_url = Url::parse(&source.base_url).context("fetch.base_url is not a URL")?;
    let source = ApiSource { base_url, api_key: source.api_key.clone(), keyless: source.keyless };
    Ok(Client::new(source, fetch.connect_timeout, fetch.timeout, Arc::clone(clock))?)
}

/// What tells this installation from others, the same for all its fetchers and after every start. Only a hash of it is used.
fn installation(config: &Config, spool: &Spool) -> String {
    if service::file_of(&config.queue.url).is_some() {
        // One fetcher, whose spool has a name that was made up.
        return spool.id();
    }
    [config.queue.url.expose(), &config.queue.prefix, config.fetch.api_key.expose()].join("\n")
}

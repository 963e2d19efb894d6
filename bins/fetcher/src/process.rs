//! The fetcher within the process shell: from a process's settings and adapters to a running fetcher.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ports::{Clock, Ledger};
use service::{Process, Queues};
use tracing::warn;
use url::Url;

use crate::collect::{ApiSource, Client, KeyStatus};
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::once::OnceFetcher;
use crate::parts::Parts;
use crate::source::ChosenSource;
use crate::spool::Spool;

/// A fetcher for `process` that fetches when it is asked to. Holds the spool until it is dropped.
pub fn for_once(process: &Process, queues: &Queues, source: &ChosenSource) -> anyhow::Result<OnceFetcher> {
    Ok(parts(process, queues, source)?.once())
}

/// Fetches on schedule until the process is asked to stop. Looks into `ledger`, if there is one, for what was fetched by hand.
pub async fn run(
    process: &Process,
    queues: &Queues,
    ledger: Option<Arc<dyn Ledger>>,
    source: &ChosenSource,
) -> anyhow::Result<()> {
    if source.simulator.is_some() {
        warn!("no API key is set: the data is SIMULATED; set CMC_API_KEY for real quotes");
    }
    let scheduler = parts(process, queues, source)?.on_schedule(Arc::clone(&queues.leadership), ledger);
    let observing = observe_credits(
        client(process, source)?,
        process.config().fetch.every,
        FetchMetrics::new(&process.metrics),
        Arc::clone(&process.clock),
    );
    process.observe(observing).await;
    scheduler.run(process.shutdown.soft()).await
}

/// Asks what the key has left, a few times a slot and at most once a minute: that costs no credits, but counts as a
/// request.
async fn observe_credits(client: Client, every: Duration, metrics: FetchMetrics, clock: Arc<dyn Clock>) {
    let pause = (every / 4).clamp(Duration::from_mins(1), Duration::from_mins(15));
    loop {
        let left = client.key_status().await.ok().and_then(|status| status.monthly_left);
        metrics.credits_left(left);
        clock.sleep(pause).await;
    }
}

/// Asks the API what the key may do. Costs no credits, and does not touch the spool.
pub async fn check(process: &Process, source: &ChosenSource) -> anyhow::Result<KeyStatus> {
    client(process, source)?.key_status().await.map_err(|error| {
        let remedy = error.remedy().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
        anyhow::anyhow!("{}{remedy}", telemetry::error_chain(&error))
    })
}

/// Whether the source's data is made up. `None` when it cannot be asked now.
pub async fn is_simulated(process: &Process, source: &ChosenSource) -> Option<bool> {
    let status = client(process, source).ok()?.key_status().await.ok()?;
    Some(status.simulated)
}

/// Whether `[fetch]` makes sense for `source`; asked before anything outside is touched.
pub fn check_settings(process: &Process, source: &ChosenSource) -> anyhow::Result<()> {
    client(process, source).map(drop).map_err(|error| service::Usage(format!("fetch: {error:#}")).into())
}

/// Opens the spool, which no other process may use.
fn parts(process: &Process, queues: &Queues, source: &ChosenSource) -> anyhow::Result<Parts> {
    let settings = process.config().fetch.clone();
    let client = client(process, source)?;
    let spool = Arc::new(Spool::open(&settings.spool).context("cannot open the fetcher's spool")?);
    let clock = Arc::clone(&process.clock);
    let context = FetchContext::new(clock, FetchMetrics::new(&process.metrics), process.failpoints.clone());
    Ok(Parts::new(settings, client, &spool, Arc::clone(&queues.queue), context))
}

fn client(process: &Process, source: &ChosenSource) -> anyhow::Result<Client> {
    let fetch = &process.config().fetch;
    let clock = Arc::clone(&process.clock);
    Ok(Client::new(to_api_source(source)?, fetch.connect_timeout, fetch.timeout, clock)?)
}

fn to_api_source(source: &ChosenSource) -> anyhow::Result<ApiSource> {
    let base_url = Url::parse(&source.base_url).context("fetch.base_url is not a URL")?;
    Ok(ApiSource { base_url, api_key: source.api_key.clone() })
}

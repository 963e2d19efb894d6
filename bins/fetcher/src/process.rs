//! The fetcher within the process shell: from a process's settings and adapters to a running fetcher.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use config::{Offset, Source};
use domain::MarketKind;
use ports::Ledger;
use service::{Process, Queues};
use tracing::warn;
use url::Url;

use crate::collect::{ApiSource, Client, KeyStatus};
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::once::OnceFetcher;
use crate::parts::Parts;
use crate::schedule::offset_of;
use crate::source::ChosenSource;
use crate::spool::Spool;
use crate::subject::interval;

/// What needs no key is asked for no more often than this.
const LEAST_KEYLESS: Duration = Duration::from_hours(1);

/// A fetcher for `process` that fetches when it is asked to, and knows what the key has left. Holds the spool until it is
/// dropped.
pub async fn for_once(
    process: &Process,
    queues: &Queues,
    source: &ChosenSource,
) -> anyhow::Result<OnceFetcher> {
    let parts = parts(process, queues, source)?;
    parts.credits().look(&client(process, source)?).await;
    Ok(parts.once())
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
    let parts = parts(process, queues, source)?;
    let (credits, client) = (parts.credits(), client(process, source)?);
    let scheduler = parts.on_schedule(Arc::clone(&queues.leadership), ledger);
    // A stop is not held up by a server that does not answer.
    process.shutdown.soft().run_until_cancelled(credits.begin(&client)).await;
    process.observe(async move { credits.watch(&client).await }).await;
    scheduler.run(process.shutdown.soft()).await
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
    let client = client(process, source).ok()?;
    match client.is_known_to_be_simulated() {
        // A wrong key would be told from a simulator's.
        Some(known) if client.is_keyless() || known => Some(known),
        _ => client.key_status().await.ok().map(|status| status.simulated),
    }
}

/// Whether `[fetch]` makes sense for `source`; asked before anything outside is touched.
pub fn check_settings(process: &Process, source: &ChosenSource) -> anyhow::Result<()> {
    let fetch = &process.config().fetch;
    if matches!(fetch.offset, Offset::After(offset) if offset >= fetch.every) {
        return Err(service::Usage("fetch.offset must be shorter than fetch.every".to_owned()).into());
    }
    if fetch.source == Source::Keyless {
        if !fetch.api_key.is_empty() {
            let both = "fetch.source = \"keyless\" sends no key: leave fetch.api_key and CMC_API_KEY empty, or fetch.source";
            return Err(service::Usage(both.to_owned()).into());
        }
        if fetch.every < LEAST_KEYLESS {
            let often = "fetch.source = \"keyless\" takes a snapshot an hour at most: set fetch.every to 1h or longer";
            return Err(service::Usage(often.to_owned()).into());
        }
        let market = &process.config().market;
        let is_often = |kind: &MarketKind| interval(market, *kind).is_some_and(|every| every < LEAST_KEYLESS);
        if let Some(kind) = MarketKind::ALL.into_iter().find(is_often) {
            let setting = kind.description().setting;
            let often = format!(
                "fetch.source = \"keyless\" asks once an hour at most: set market.{setting} to 1h or longer, or \"off\""
            );
            return Err(service::Usage(often).into());
        }
    }
    client(process, source).map(drop).map_err(|error| service::Usage(format!("fetch: {error:#}")).into())
}

/// Opens the spool, which no other process may use.
fn parts(process: &Process, queues: &Queues, source: &ChosenSource) -> anyhow::Result<Parts> {
    let settings = process.config().fetch.clone();
    let client = client(process, source)?;
    let spool = Arc::new(Spool::open(&settings.spool).context("cannot open the fetcher's spool")?);
    let clock = Arc::clone(&process.clock);
    let context = FetchContext::new(clock, FetchMetrics::new(&process.metrics), process.failpoints.clone())
        .judging_by(process.config().judge.clone())
        .fetching(process.config().market.clone());
    let offset = offset_of(&settings, &installation(process, &spool));
    Ok(Parts::new(settings, client, &spool, Arc::clone(&queues.queue), offset, context))
}

/// What tells this installation from others, the same for all its fetchers and after every start. Only a hash of it is used.
fn installation(process: &Process, spool: &Spool) -> String {
    let config = process.config();
    if service::file_of(&config.queue.url).is_some() {
        // One fetcher, whose spool has a name that was made up.
        return spool.id();
    }
    [config.queue.url.expose(), &config.queue.prefix, config.fetch.api_key.expose()].join("\n")
}

fn client(process: &Process, source: &ChosenSource) -> anyhow::Result<Client> {
    let fetch = &process.config().fetch;
    let clock = Arc::clone(&process.clock);
    Ok(Client::new(to_api_source(source)?, fetch.connect_timeout, fetch.timeout, clock)?)
}

fn to_api_source(source: &ChosenSource) -> anyhow::Result<ApiSource> {
    let base_url = Url::parse(&source.base_url).context("fetch.base_url is not a URL")?;
    Ok(ApiSource { base_url, api_key: source.api_key.clone(), keyless: source.keyless })
}

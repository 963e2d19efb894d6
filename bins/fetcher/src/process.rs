//! The fetcher within the process shell: from a process's settings and adapters to a running fetcher.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::{ApiVersion, CatchUp, Offset, Source};
use domain::MarketKind;
use service::{Process, Queues};
use tracing::{info, warn};

use crate::backfill::Backfiller;
use crate::beside::backfill_below;
use crate::collect::{BadSource, Client, KeyStatus};
use crate::once::OnceFetcher;
use crate::scheduled::{self, ScheduledFetcher, Surroundings};
use crate::source::ChosenSource;
use crate::subject::interval;
use crate::tables::Tables;

/// What needs no key is asked for no more often than this.
const LEAST_KEYLESS: Duration = Duration::from_hours(1);

/// A fetcher for `process` that fetches when it is asked to, and knows what the key has left. Holds the spool until it is
/// dropped.
pub async fn for_once(
    process: &Process,
    queues: &Queues,
    source: &ChosenSource,
) -> anyhow::Result<OnceFetcher> {
    let config = process.config();
    let parts = scheduled::parts(config.fetch.clone(), config, source, &around(process, queues))?;
    parts.credits().look(&client(process, source)?).await;
    // What a simulator has that starts for nobody else is made up.
    if source.simulator.is_none() {
        parts.credits().warn_of_schedule();
    }
    Ok(parts.once())
}

/// What fills gaps for `process` when it is asked to. Holds a spool of its own until it is dropped.
pub fn for_backfill(process: &Process, queues: &Queues, source: &ChosenSource) -> anyhow::Result<Backfiller> {
    let config = process.config();
    let settings = config::Fetch { spool: backfill_spool(process), ..config.fetch.clone() };
    let parts = scheduled::parts(settings.clone(), config, source, &around(process, queues))?;
    Ok(parts.backfill(settings))
}

/// Where a backfill keeps what it fetched until it is in the queue.
pub fn backfill_spool(process: &Process) -> PathBuf {
    backfill_below(&process.config().fetch.spool)
}

/// Fetches on schedule until the process is asked to stop. Looks into the `tables`, where it has them, for what was fetched by hand.
pub async fn run(
    process: &Process,
    queues: &Queues,
    tables: Option<Tables>,
    source: &ChosenSource,
) -> anyhow::Result<()> {
    if source.simulator.is_some() {
        warn!("no API key is set: the data is SIMULATED; set CMC_API_KEY for real quotes");
    }
    if let Some(asked) = asked_by_id(&process.config().fetch) {
        info!("{asked}");
    }
    let leadership = Arc::clone(&queues.leadership);
    let fetcher =
        ScheduledFetcher::new(process.config(), source, &around(process, queues), leadership, tables)?;
    // A stop is not held up by a server that does not answer.
    process.shutdown.soft().run_until_cancelled(fetcher.know_credits()).await;
    process.observe(fetcher.watch_credits()).await;
    fetcher.run(process.shutdown.soft()).await
}

/// Asks the API what the key may do. Costs no credits, and does not touch the spool.
pub async fn check(process: &Process, source: &ChosenSource) -> anyhow::Result<KeyStatus> {
    client(process, source)?.key_status().await.map_err(|error| {
        let remedy = error.remedy(source.keyless).map(|remedy| format!(" ({remedy})")).unwrap_or_default();
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

/// What is asked for, in words, when it is by id.
pub fn asked_by_id(fetch: &config::Fetch) -> Option<String> {
    let coins = fetch.ids.len();
    let coins = if coins == 1 { "one coin".to_owned() } else { format!("{coins} coins") };
    (!fetch.ids.is_empty())
        .then(|| format!("{coins} by id, as fetch.ids says; fetch.limit and fetch.page_size are not used"))
}

/// Whether `[fetch]` makes sense for `source`; asked before anything outside is touched.
pub fn check_settings(process: &Process, source: &ChosenSource) -> anyhow::Result<()> {
    let fetch = &process.config().fetch;
    if matches!(fetch.offset, Offset::After(offset) if offset >= fetch.every) {
        return Err(service::Usage("fetch.offset must be shorter than fetch.every".to_owned()).into());
    }
    if !fetch.ids.is_empty() && fetch.api_version == ApiVersion::V1 {
        let old =
            "fetch.ids needs the answers of fetch.api_version = \"v3\": leave it, or leave fetch.ids empty";
        return Err(service::Usage(old.to_owned()).into());
    }
    if fetch.source == Source::Keyless {
        if !fetch.api_key.is_empty() {
            let both = "fetch.source = \"keyless\" sends no key: leave fetch.api_key and CMC_API_KEY empty, or fetch.source";
            return Err(service::Usage(both.to_owned()).into());
        }
        if fetch.catch_up != CatchUp::None {
            let past = "fetch.source = \"keyless\" tells nothing of the past, so fetch.catch_up fills nothing: set it to \"none\"";
            return Err(service::Usage(past.to_owned()).into());
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
    client(process, source).map(drop).map_err(|error| {
        let key = error.downcast_ref().and_then(BadSource::setting);
        let place = key.map(|key| format!("; it is set in {}", process.loaded.layer("fetch", key)));
        let place = place.unwrap_or_default();
        service::Usage(format!("fetch: {error:#}{place}")).into()
    })
}

fn around(process: &Process, queues: &Queues) -> Surroundings {
    Surroundings {
        clock: Arc::clone(&process.clock),
        metrics: process.metrics.clone(),
        failpoints: process.failpoints.clone(),
        queue: Arc::clone(&queues.queue),
    }
}

fn client(process: &Process, source: &ChosenSource) -> anyhow::Result<Client> {
    scheduled::client(&process.config().fetch, source, &process.clock)
}

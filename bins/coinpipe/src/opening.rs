//! Queue and store, opened for fetching: what is simulated is moved aside before anything real is announced or published.

use std::time::Duration;

use anyhow::bail;
use config::Config;
use fetcher::{ChosenSource, Unanswered};
use outage::Backoff;
use service::Process;
use tracing::{info, warn};

use crate::adapters::{Adapters, open};
use crate::{data_kind, output};

/// How long to wait for an API that has to say whether its quotes are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as it takes.
    Endless,
    /// Somebody waits for it.
    Watched,
}

/// Tries for somebody who waits, and the longest single wait.
const TRIES: u32 = 6;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What somebody has to set right is asked for again this rarely.
const RARELY: Duration = Duration::from_mins(5);

/// Opens queue and store for running with `source`.
///
/// When real quotes are about to come, a store of simulated ones is moved aside: the quotes of a first try without a key must
/// not mix with real ones. For that the API has to answer first, with a key or without; it is waited for. The other way round is an error, which
/// says how to name another file: real quotes are not moved.
pub(crate) async fn open_for(
    process: &Process,
    source: &ChosenSource,
    patience: Patience,
) -> anyhow::Result<Adapters> {
    let adapters = open(process).await?;
    let held = match data_kind::held(Some(&adapters.queues), Some(&adapters.stores)).await {
        Ok(held) => held,
        // A server that is away is waited for; the loader refuses what does not belong.
        Err(error) if data_kind::is_transient(&error) => return Ok(adapters),
        Err(error) => return Err(error),
    };
    let simulated = if held.is_to_make_room() {
        wait_for_api(process, source, patience).await?
    } else if held.has_real() {
        // Unknown when the API cannot be asked: the loader refuses what does not belong.
        let Some(simulated) = fetcher::is_simulated(process, source).await else { return Ok(adapters) };
        simulated
    } else {
        return Ok(adapters);
    };
    data_kind::refuse(process, held, simulated)?;
    if simulated || !held.is_to_make_room() {
        return Ok(adapters);
    }
    drop(adapters);
    process.close().await;
    let aside = service::set_aside(process.config(), process.clock.clone()).await?;
    for (path, target) in aside.moved {
        output::say(format!("moved     simulated data from {} to {}", path.display(), target.display()));
    }
    if aside.kept > 0 {
        let Config { queue, .. } = process.config();
        output::say(format!(
            "kept      real data that waits in the queue, in {}",
            service::place(&queue.url)
        ));
    }
    open(process).await
}

/// Whether the data of `source` is made up, as it says itself.
async fn wait_for_api(process: &Process, source: &ChosenSource, patience: Patience) -> anyhow::Result<bool> {
    let mut backoff = Backoff::default();
    let mut told = None;
    let mut failures = 0;
    loop {
        let Unanswered { reason, lasts, pause } =
            match fetcher::ask_whether_simulated(process, source, failures).await {
                Ok(simulated) => {
                    if told.is_some() {
                        info!("the API answers");
                    }
                    return Ok(simulated);
                }
                Err(unanswered) => unanswered,
            };
        failures += 1;
        let pause = if lasts { RARELY } else { pause.unwrap_or_else(|| backoff.next_wait()) };
        let place = service::place(&process.config().store.url);
        if patience == Patience::Watched && (lasts || failures >= TRIES || pause > LONGEST_WAIT) {
            bail!(
                "{place} holds simulated quotes, which are moved aside when the API answers that it has real ones; nothing was \
                 fetched: {reason}"
            );
        }
        if told.as_ref() != Some(&reason) {
            warn!(
                "waiting for the API at {}; nothing is fetched before it answers, because {place} holds simulated quotes, which are \
                 moved aside then: {reason}",
                source.base_url
            );
            told = Some(reason);
        }
        process.clock.sleep(pause).await;
    }
}

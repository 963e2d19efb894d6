//! `coinpipe --once`: one snapshot from the API to the tables, watched by a person.

mod arrival;
mod letters;
mod progress;
mod report;

use anyhow::{Context, anyhow, bail};
use fetcher::{ChosenSource, FetchedBatch, OnceFailure, SpoolError};
use service::{Process, Stores};

use super::run;
use crate::adapters::Adapters;
use crate::opening::{self, Patience};
use crate::output;

use arrival::Arrival;
use progress::Progress;

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    alerter::check_settings(process)?;
    let source = fetcher::choose_source(&process.config().fetch, process.clock.clone()).await?;
    fetcher::check_settings(process, &source)?;
    let adapters = process.unless_stopped(opening::open_for(process, &source, Patience::Watched)).await?;
    output::say(format!("source    {}", run::describe(&source)));
    let began_at = process.clock.now();
    let progress = Progress::start();
    let stop = process.shutdown.soft();
    let snapshot = async {
        let result = snapshot(process, &adapters, &source, &progress).await;
        progress.clear();
        if let Ok(Ended::Stopped { missing }) = &result {
            // Printed now, because the process may be stopped before what is in flight is finished.
            output::say(format!("stopping  {missing}"));
        }
        stop.cancel();
        result
    };
    let (ended, drained) = tokio::join!(snapshot, run::run_consumers(process, &adapters));
    letters::tell(&adapters, began_at, told_at_the_end(&ended).as_deref()).await;
    let ended = ended?;
    drained?;
    alerter::flush(process, &adapters.stores).await?;
    match ended {
        Ended::Arrived(snapshot) => report::report(process, &adapters, &source, &snapshot).await,
        Ended::Late { why } => bail!(why),
        Ended::StoppedBefore => bail!("stopped before the snapshot was fetched"),
        Ended::Stopped { missing } => bail!(
            "stopped before the snapshot was loaded: {missing}; the pages that arrived are kept, and the next run loads them"
        ),
    }
}

/// The code of the letter about what is said at the end, so that it is not said twice.
fn told_at_the_end(ended: &anyhow::Result<Ended>) -> Option<String> {
    match ended {
        Ok(Ended::Arrived(snapshot)) => {
            snapshot.verdict.as_ref().map(|verdict| format!("batch_{}", verdict.doubt))
        }
        Ok(_) => None,
        Err(error) => match error.downcast_ref() {
            Some(OnceFailure::GaveUp { code, .. }) => Some(code.clone()),
            _ => None,
        },
    }
}

/// How it ended.
enum Ended {
    /// The ledger says all there is to say about the batch.
    Arrived(Box<FetchedBatch>),
    /// Nothing happened for too long.
    Late { why: String },
    /// Asked to stop when no page had arrived.
    StoppedBefore,
    /// Asked to stop before the end.
    Stopped { missing: String },
}

/// Fetches and waits until everything fetched so far is loaded.
async fn snapshot(
    process: &Process,
    adapters: &Adapters,
    source: &ChosenSource,
    progress: &Progress,
) -> anyhow::Result<Ended> {
    let stop = process.shutdown.soft();
    let fetcher = match fetcher::for_once(process, &adapters.queues, source).await {
        Ok(fetcher) => fetcher,
        Err(error) => return Err(explained(process, &adapters.stores, error).await),
    };
    // When it is asked to stop, it waits a moment for a response that is under way, because that is paid for.
    match fetcher.fetch_now(progress, stop.clone()).await {
        Ok(snapshot) => {
            Ok(match arrival::wait(&*process.clock, &stop, adapters, &snapshot, progress).await? {
                Arrival::Proved => Ended::Arrived(Box::new(snapshot)),
                Arrival::Late(why) => Ended::Late { why },
                Arrival::Stopped(missing) => Ended::Stopped { missing },
            })
        }
        Err(_) if stop.is_cancelled() && !progress.has_received() => Ok(Ended::StoppedBefore),
        Err(_) if stop.is_cancelled() => {
            Ok(Ended::Stopped { missing: "it was not fetched whole".to_owned() })
        }
        Err(failure) => {
            progress.show("filing what went wrong");
            arrival::wait_for_letters(&*process.clock, &stop, adapters).await;
            Err(failure).context("the snapshot could not be fetched")
        }
    }
}

/// The `error`; of a fetcher that runs here already, what it does, and what to do: somebody who wants a snapshot now made no mistake.
async fn explained(process: &Process, stores: &Stores, error: anyhow::Error) -> anyhow::Error {
    let Some(SpoolError::Locked(holder)) = error.downcast_ref() else { return error };
    let now = process.clock.now();
    let next = site::facts(stores, now).await.ok().and_then(|facts| site::next_slot(&facts.followed, now));
    let next = next.map(|at| format!(", the next that is due at {}", at.format("%Y-%m-%d %H:%M UTC")));
    anyhow!(
        "nothing was fetched: {holder} takes the snapshots here{}; `coinpipe status` shows what it has. For one now, stop it first",
        next.unwrap_or_default()
    )
}

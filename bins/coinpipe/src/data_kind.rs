//! Real or simulated: quotes of the two kinds never share a store.

use domain::header;
use fetcher::ChosenSource;
use ports::store::DataKinds;
use ports::{QueueError, StoreError};
use service::{Process, Queues, Stores, Usage};

use crate::adapters::{Adapters, Found, open};
use crate::output;

/// Opens queue and store for running with `source`.
///
/// When real quotes are about to come, a store of simulated ones is moved aside: the quotes of a first try without a key must
/// not mix with real ones. The other way round is an error, which says how to name another file: real quotes are not moved.
pub(crate) async fn open_for(process: &Process, source: &ChosenSource) -> anyhow::Result<Adapters> {
    let adapters = open(process).await?;
    let held = data_kinds(Some(&adapters.queues), Some(&adapters.stores)).await;
    let DataKinds { simulated, real } = match held {
        Ok(held) => held,
        // A server that is away is waited for; the loader refuses what does not belong.
        Err(error) if is_transient(&error) => DataKinds::default(),
        Err(error) => return Err(error),
    };
    if !simulated && !real {
        return Ok(adapters);
    }
    match fetcher::is_simulated(process, source).await {
        Some(true) if real => Err(refusal(process).into()),
        Some(false) if simulated && !real && !is_on_files(process) => Err(refusal_of_real(process).into()),
        Some(false) if simulated && !real => {
            drop(adapters);
            process.close().await;
            let config = process.config();
            for (path, target) in service::set_aside(config, process.clock.now()).await? {
                output::say(format!(
                    "moved     simulated data from {} to {}",
                    path.display(),
                    target.display()
                ));
            }
            open(process).await
        }
        // Unknown when the API cannot be asked: the loader refuses what does not belong.
        _ => Ok(adapters),
    }
}

fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
        || error.downcast_ref::<QueueError>().is_some_and(QueueError::is_transient)
}

fn is_on_files(process: &Process) -> bool {
    let config = process.config();
    [&config.store.url, &config.queue.url].into_iter().all(|url| service::file_of(url).is_some())
}

/// Fails when a run with `source` would be refused.
pub(crate) async fn check(process: &Process, source: &ChosenSource, found: &Found) -> anyhow::Result<()> {
    let DataKinds { simulated, real } = data_kinds(found.queues.as_ref(), found.stores.as_ref()).await?;
    match fetcher::is_simulated(process, source).await {
        Some(true) if real => Err(refusal(process).into()),
        Some(false) if simulated && !real && !is_on_files(process) => Err(refusal_of_real(process).into()),
        _ => Ok(()),
    }
}

/// Fails when the quotes of `source` would get among those of the other kind.
pub(crate) async fn refuse_other(
    process: &Process,
    source: &ChosenSource,
    stores: &Stores,
) -> anyhow::Result<()> {
    let DataKinds { simulated, real } = stores.store.data_kinds().await?;
    match fetcher::is_simulated(process, source).await {
        Some(true) if real => Err(refusal(process).into()),
        Some(false) if simulated => {
            Err(Usage(format!("the store holds simulated quotes; {}", how_to_take_real_ones(process))).into())
        }
        _ => Ok(()),
    }
}

/// What to do in order to have real quotes, when there are simulated ones.
pub(crate) fn how_to_take_real_ones(process: &Process) -> String {
    let with_key = "`coinpipe --once` with your own key takes real ones";
    if is_on_files(process) { with_key.to_owned() } else { format!("{ANOTHER_PLACE}; there, {with_key}") }
}

/// On servers nothing is moved aside.
const ANOTHER_PLACE: &str =
    "name another database in COINPIPE__STORE__URL, and another COINPIPE__QUEUE__PREFIX";

fn refusal_of_real(process: &Process) -> Usage {
    let config = process.config();
    Usage(format!(
        "{} or the archive of {} holds simulated quotes, and real ones would get among them; {ANOTHER_PLACE}",
        service::place(&config.store.url),
        service::place(&config.queue.url),
    ))
}

fn refusal(process: &Process) -> Usage {
    let store = service::place(&process.config().store.url);
    Usage(format!(
        "{store} holds real quotes, but the data of this run would be simulated; set CMC_API_KEY, or \
         COINPIPE__STORE__URL and COINPIPE__QUEUE__URL to another file such as sqlite://demo.db"
    ))
}

/// The kinds of data in the store, and in the archive, whose pages may still be on their way to the store. The oldest page
/// of the archive stands for all: they are of one kind, because `run` and `--once` check here before they fetch, and the
/// loader refuses the other kind from programs of single stages.
async fn data_kinds(queues: Option<&Queues>, stores: Option<&Stores>) -> anyhow::Result<DataKinds> {
    let mut held = match stores {
        Some(stores) => stores.store.data_kinds().await?,
        None => DataKinds::default(),
    };
    let archived = match queues {
        Some(queues) => queues.archive.read(0, 1).await?,
        None => Vec::new(),
    };
    for archived in archived {
        match archived.message.headers.get(header::SIMULATED) {
            Some("true") => held.simulated = true,
            _ => held.real = true,
        }
    }
    Ok(held)
}

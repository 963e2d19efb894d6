//! Real or simulated: quotes of the two kinds never share a store.

use domain::header;
use fetcher::ChosenSource;
use ports::store::DataKinds;
use ports::{QueueError, StoreError};
use service::{Process, Queues, Stores, Usage};

use crate::adapters::Found;
use crate::output;

/// What is said on stderr of quotes that are made up: whoever reads prices takes them for real.
pub(crate) const SIMULATED: &str = "The data is SIMULATED.";

/// Says it of what was read of `stores`, if it is so. Of no store there is nothing to say.
pub(crate) async fn say_if_simulated(stores: Option<&Stores>) -> anyhow::Result<()> {
    let Some(stores) = stores else { return Ok(()) };
    if stores.store.data_kinds().await?.simulated {
        output::say(SIMULATED);
    }
    Ok(())
}

/// What queue and store hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    store: DataKinds,
    /// Whether the oldest page of the archive is made up, if there is one.
    archived: Option<bool>,
}

impl Held {
    /// Whether something made up would have to go before real quotes come: a store of it, or pages of it on their way to an empty one.
    pub(crate) fn is_to_make_room(self) -> bool {
        self.store.simulated || !self.store.real && self.archived == Some(true)
    }

    /// Whether something is there that nobody made up.
    pub(crate) fn has_real(self) -> bool {
        self.store.real || self.archived == Some(false)
    }
}

/// Fails when data that is `simulated`, or is not, would get among what is `held` of the other kind, which nothing moves aside.
pub(crate) fn refuse(process: &Process, held: Held, simulated: bool) -> anyhow::Result<()> {
    if simulated && held.has_real() && !held.store.simulated {
        return Err(refusal(process).into());
    }
    if !simulated && held.is_to_make_room() && !is_on_files(process) {
        return Err(refusal_of_real(process).into());
    }
    Ok(())
}

pub(crate) fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
        || error.downcast_ref::<QueueError>().is_some_and(QueueError::is_transient)
}

fn is_on_files(process: &Process) -> bool {
    let config = process.config();
    [&config.store.url, &config.queue.url].into_iter().all(|url| service::file_of(url).is_some())
}

/// Fails when a run with `source` would be refused. Says what it would move aside.
pub(crate) async fn check(
    process: &Process,
    source: &ChosenSource,
    found: &Found,
) -> anyhow::Result<Option<String>> {
    let held = held(found.queues.as_ref(), found.stores.as_ref()).await?;
    let Some(simulated) = fetcher::is_simulated(process, source).await else { return Ok(None) };
    refuse(process, held, simulated)?;
    let moves = !simulated && held.is_to_make_room();
    Ok(moves.then(|| {
        let place = service::place(&process.config().store.url);
        format!("{place} holds simulated quotes: the next run moves it aside before it fetches")
    }))
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
/// of the archive stands for all: they are of one kind, because `run` and `--once` look here before they fetch, and the
/// loader refuses the other kind from programs of single stages.
pub(crate) async fn held(queues: Option<&Queues>, stores: Option<&Stores>) -> anyhow::Result<Held> {
    let store = match stores {
        Some(stores) => stores.store.data_kinds().await?,
        None => DataKinds::default(),
    };
    let oldest = match queues {
        Some(queues) => queues.archive.read(0, 1).await?,
        None => Vec::new(),
    };
    let archived =
        oldest.first().map(|archived| archived.message.headers.get(header::SIMULATED) == Some("true"));
    Ok(Held { store, archived })
}

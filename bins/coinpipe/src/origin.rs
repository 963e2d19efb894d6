//! Keeps real and simulated quotes apart: they never share a store.

use std::sync::Arc;

use anyhow::bail;
use domain::header;
use ports::store::DataOrigins;
use service::{Adapters, Process, Source, Usage};

use crate::output;

/// Opens queue and store for running with `source`.
///
/// A store of simulated quotes is moved aside when real ones are about to come: the quotes of the first
/// try, without a key, must not stay among the real. The other way round is refused: real quotes stay
/// where they are, and whoever wants simulated ones names another file.
pub(crate) async fn open_for(process: &Process, source: &Source) -> anyhow::Result<Adapters> {
    let adapters = open(process).await?;
    let DataOrigins { simulated, real } = origins(&adapters).await?;
    if !simulated && !real {
        return Ok(adapters);
    }
    let store = service::place(&process.config().store.url);
    match fetcher::is_simulated(process, source).await {
        Some(true) if real => Err(Usage(format!(
            "{store} holds real quotes, but the data of this run would be simulated; set CMC_API_KEY, or \
             COINPIPE__STORE__URL and COINPIPE__QUEUE__URL to another file such as sqlite://demo.db"
        ))
        .into()),
        Some(false) if simulated && !real => {
            drop(adapters);
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

/// What the store holds, and what was published to the queue and may still be on its way there. The oldest
/// page in the archive speaks for all: they are of one kind, because every start passes here.
async fn origins(adapters: &Adapters) -> anyhow::Result<DataOrigins> {
    let mut origins = adapters.store.origins().await?;
    for archived in adapters.archive.read(0, 1).await? {
        match archived.message.headers.get(header::SIMULATED) {
            Some("true") => origins.simulated = true,
            _ => origins.real = true,
        }
    }
    Ok(origins)
}

/// Opens queue and store for reading what is there; a file that does not exist is not created.
pub(crate) async fn open_existing(process: &Process) -> anyhow::Result<Adapters> {
    for url in [&process.config().store.url, &process.config().queue.url] {
        if let Some(path) = service::file_of(url)
            && !path.exists()
        {
            bail!("there is no database at {} yet; `coinpipe run --once` makes it", path.display());
        }
    }
    open(process).await
}

async fn open(process: &Process) -> anyhow::Result<Adapters> {
    service::open_queue_and_store(process.config(), Arc::clone(&process.clock)).await
}

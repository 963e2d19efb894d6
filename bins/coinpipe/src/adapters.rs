//! Queue and store as commands open them: for work, or read-only, which creates nothing.

use anyhow::bail;
use config::SecretUrl;
use service::{Process, Queues, Stores};

use crate::output;

/// Everything that a process with all stages has open.
pub(crate) struct Adapters {
    pub(crate) queues: Queues,
    pub(crate) stores: Stores,
}

/// What is there of queue and store, opened read-only.
pub(crate) struct Found {
    pub(crate) queues: Option<Queues>,
    pub(crate) stores: Option<Stores>,
}

/// Looks at queue and store. Nothing is made, changed or migrated.
pub(crate) async fn find(process: &Process) -> anyhow::Result<Found> {
    Ok(Found {
        queues: process.open_queues_read_only().await?,
        stores: process.open_stores_read_only().await?,
    })
}

/// The message that there is nothing at `url` yet.
pub(crate) fn nothing_at(url: &SecretUrl) -> String {
    format!("nothing is in {} yet; `coinpipe --once` takes a first snapshot", service::place(url))
}

/// Opens the store to list something of it. `None` when there is none, which was said then: as an empty list in JSON, or in words.
pub(crate) async fn open_to_list(process: &Process, json: bool) -> anyhow::Result<Option<Stores>> {
    let stores = process.open_stores_read_only().await?;
    if stores.is_none() {
        if json {
            output::print("[]")?;
        } else {
            output::say(nothing_at(&process.config().store.url));
        }
    }
    Ok(stores)
}

/// Opens queue and store for work on what is there; a file that does not exist is not created.
pub(crate) async fn open_existing(process: &Process) -> anyhow::Result<Adapters> {
    for url in [&process.config().store.url, &process.config().queue.url] {
        check_there(url)?;
    }
    open(process).await
}

/// Opens the store alone for work on what is there; a file that does not exist is not created.
pub(crate) async fn open_existing_stores(process: &Process) -> anyhow::Result<Stores> {
    check_there(&process.config().store.url)?;
    process.open_stores().await
}

fn check_there(url: &SecretUrl) -> anyhow::Result<()> {
    if let Some(path) = service::file_of(url)
        && !path.exists()
    {
        bail!(nothing_at(url));
    }
    Ok(())
}

/// Opens queue and store; a file that does not exist is created.
pub(crate) async fn open(process: &Process) -> anyhow::Result<Adapters> {
    Ok(Adapters { queues: process.open_queues().await?, stores: process.open_stores().await? })
}

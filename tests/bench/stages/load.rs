//! Load: chunks into the store, so many in one call.

use std::path::PathBuf;

use service::Process;

use crate::chunks;
use crate::stopwatch::Stopwatch;

pub(crate) async fn run(process: &Process, files: &[PathBuf], together: usize) -> anyhow::Result<()> {
    let chunks = chunks::decode(&chunks::messages(files).await?.concat())?;
    let rows = chunks::rows(&chunks);
    let store = process.open_stores().await?.store;
    // The first statement of a process connects.
    store.ready().await?;
    let watch = Stopwatch::start()?;
    for group in chunks.chunks(together.max(1)) {
        store.load_all(&group.iter().collect::<Vec<_>>()).await?;
    }
    watch.say("load", rows)
}

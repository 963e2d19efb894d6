//! Prune: the oldest quotes leave the history, in steps as the loader makes them, without its pauses.

use service::Process;

use crate::stopwatch::Stopwatch;

/// Rows in one step, as in the loader.
const STEP: u32 = 1000;

pub(crate) async fn run(process: &Process, steps: u32) -> anyhow::Result<()> {
    let store = process.open_stores().await?.store;
    store.ready().await?;
    let (now, watch, mut rows) = (process.clock.now(), Stopwatch::start()?, 0);
    for _ in 0..steps {
        rows += store.prune_history(now, STEP).await?;
    }
    watch.say("prune", usize::try_from(rows)?)
}

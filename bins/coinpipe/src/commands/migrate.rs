//! `coinpipe migrate`: creates or updates what is missing.

use anyhow::anyhow;
use ports::QueueName;
use service::Process;

use crate::output;

/// Creates or updates the queues and the tables, and says what was made.
pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    let config = process.config();
    let queue = async {
        let missing = process.missing_queues().await?;
        // Opening does not connect yet; asking for a depth does, and declares the queues.
        process.open_queues().await?.queue.depth(QueueName::Raw).await?;
        output::print(format!("queue  {}: {}", service::place(&config.queue.url), made(&missing)))
    };
    let store = async {
        let missing = process.missing_tables().await?;
        process.open_stores().await?.store.ready().await?;
        output::print(format!("store  {}: {}", service::place(&config.store.url), made(&missing)))
    };
    match (queue.await, store.await) {
        (Err(queue), Err(store)) => Err(anyhow!("{queue:#}; {store:#}")),
        (queue, store) => queue.and(store),
    }
}

/// What was missing, now that it is there.
fn made(missing: &[String]) -> String {
    if missing.is_empty() {
        return "nothing to do".to_owned();
    }
    format!("made {}", missing.join(", "))
}

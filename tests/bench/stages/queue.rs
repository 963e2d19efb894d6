//! Publish and consume: chunks into the queue, as a transformer publishes those of a page together, and out again.

use std::path::PathBuf;

use ports::QueueName;
use ports::queue::Settlement;
use service::Process;

use crate::chunks;
use crate::stopwatch::Stopwatch;

/// Deliveries at once.
const PREFETCH: u16 = 8;

pub(crate) async fn run(process: &Process, files: &[PathBuf]) -> anyhow::Result<()> {
    let pages = chunks::messages(files).await?;
    let mut rows = 0;
    for page in &pages {
        rows += chunks::rows(&chunks::decode(page)?);
    }
    let queue = process.open_queues().await?.queue;
    let watch = Stopwatch::start()?;
    for page in &pages {
        queue.publish(QueueName::Rows, page).await?;
    }
    watch.say("publish", rows)?;
    let mut consumer = queue.consume(QueueName::Rows, PREFETCH).await?;
    let watch = Stopwatch::start()?;
    for _ in pages.iter().flatten() {
        consumer.next().await?.settle(Settlement::Done).await?;
    }
    watch.say("consume", rows)
}

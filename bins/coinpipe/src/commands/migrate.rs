//! `coinpipe migrate`: creates or updates what is missing.

use anyhow::anyhow;
use ports::QueueName;
use service::Process;

use crate::{numbers, output};

/// Creates or updates the queues and the tables, and says what was made.
pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    let config = process.config();
    let queue = async {
        let missing = process.missing_queues().await?;
        // Opening does not connect yet; asking for a depth does, and declares the queues.
        process.open_queues().await?.queue.depth(QueueName::Raw).await?;
        output::print(format!("queue  {}: {}", service::place(&config.queue.url), made(&missing, "part")))
    };
    let store = async {
        let missing = process.missing_tables().await?;
        process.open_stores().await?.store.ready().await?;
        output::print(format!("store  {}: {}", service::place(&config.store.url), made(&missing, "step")))
    };
    match (queue.await, store.await) {
        (Err(queue), Err(store)) => Err(anyhow!("{queue:#}; {store:#}")),
        (queue, store) => queue.and(store),
    }
}

/// What was `missing`, each a `part`, now that it is there.
fn made(missing: &[String], part: &str) -> String {
    if missing.is_empty() {
        return "nothing to do, it is up to date".to_owned();
    }
    format!("made {} ({})", missing.join(", "), numbers::counted(missing.len() as u64, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_named_and_counted() {
        assert_eq!(made(&[], "step"), "nothing to do, it is up to date");
        assert_eq!(made(&["verdicts".to_owned()], "step"), "made verdicts (1 step)");
        let two = ["coinpipe.raw".to_owned(), "coinpipe.rows".to_owned()];
        assert_eq!(made(&two, "part"), "made coinpipe.raw, coinpipe.rows (2 parts)");
    }
}

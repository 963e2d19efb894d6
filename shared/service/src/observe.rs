//! Asks queue and store from time to time how they are, for `/metrics` and `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use ports::{Clock, Queue, QueueError, QueueName, Quotes, StoreError};
use stage::{Metrics, To};

/// Often enough for whoever scrapes every 15 s.
const EVERY: Duration = Duration::from_secs(10);

/// Asks `queue` for its depths for as long as it is polled.
pub(crate) async fn queue(queue: Arc<dyn Queue>, metrics: Metrics, clock: Arc<dyn Clock>) {
    loop {
        let asked = depths(&*queue, &metrics).await;
        metrics.connected(To::Queue, asked.is_ok());
        clock.sleep(EVERY).await;
    }
}

async fn depths(queue: &dyn Queue, metrics: &Metrics) -> Result<(), QueueError> {
    for name in QueueName::ALL {
        metrics.depth(name, queue.depth(name).await?);
    }
    Ok(())
}

/// Asks `quotes` how fresh they are for as long as it is polled.
pub(crate) async fn store(quotes: Arc<dyn Quotes>, metrics: Metrics, clock: Arc<dyn Clock>) {
    loop {
        let asked: Result<_, StoreError> = quotes.freshness().await;
        metrics.connected(To::Store, asked.is_ok());
        // While it is away, the tables are as they were.
        if let Ok(freshness) = asked {
            metrics.freshness(freshness);
        }
        clock.sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use domain::{Headers, Message, MessageId, StageName};
    use ports::ManualClock;
    use ports::memory::{MemoryQueue, MemoryStore};

    use super::*;

    /// Polls `watching`, which never ends, until it waits for its clock.
    async fn once(watching: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = watching => panic!("it ended"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn what_waits_and_what_is_away_shows() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let metrics = Metrics::new(&[StageName::Loader]);
        let waiting = Arc::new(MemoryQueue::new(clock.clone()));
        let message =
            Message { id: MessageId::new("m"), headers: Headers::new(), body: domain::Bytes::new() };
        waiting.publish(QueueName::Rows, &[message]).await.unwrap();
        once(queue(waiting, metrics.clone(), clock.clone())).await;
        once(store(Arc::new(MemoryStore::new(clock.clone())), metrics.clone(), clock)).await;
        assert!(metrics.is_connected(To::Queue) && metrics.is_connected(To::Store));
        let text = metrics.render();
        assert!(text.contains(r#"coinpipe_queue_messages{queue="rows",state="ready"} 1.0"#), "{text}");
    }
}

//! Asks queue and store from time to time how they are, for `/metrics` and `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use outage::Backoff;
use ports::{Clock, Queue, QueueError, QueueName, Quotes, StoreError};

use crate::metrics::{FreshnessMetrics, Server, ServerMetrics};

/// How often to ask: often enough for a scrape interval of 15 s.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// Asks `queue` for its depths for as long as it is polled; more rarely while it is away.
pub(crate) async fn queue(queue: Arc<dyn Queue>, servers: ServerMetrics, clock: Arc<dyn Clock>) {
    let mut backoff = Backoff::default();
    loop {
        let is_there = depths(&*queue, &servers).await.is_ok();
        servers.connected(Server::Queue, is_there);
        clock.sleep(pause(is_there, &mut backoff)).await;
    }
}

/// How long to wait before asking again.
fn pause(is_there: bool, backoff: &mut Backoff) -> Duration {
    if is_there {
        backoff.reset();
        return POLL_INTERVAL;
    }
    POLL_INTERVAL.max(backoff.next_wait())
}

async fn depths(queue: &dyn Queue, servers: &ServerMetrics) -> Result<(), QueueError> {
    for name in QueueName::ALL {
        servers.depth(name, queue.depth(name).await?);
    }
    Ok(())
}

/// Asks `quotes` how fresh they are for as long as it is polled; more rarely while they are away.
pub(crate) async fn store(
    quotes: Arc<dyn Quotes>,
    servers: ServerMetrics,
    tables: FreshnessMetrics,
    clock: Arc<dyn Clock>,
) {
    let mut backoff = Backoff::default();
    loop {
        let asked: Result<_, StoreError> = quotes.freshness().await;
        let is_there = asked.is_ok();
        servers.connected(Server::Store, is_there);
        // While it is away, the tables are as they were.
        if let Ok(freshness) = asked {
            tables.set(freshness);
        }
        clock.sleep(pause(is_there, &mut backoff)).await;
    }
}

#[cfg(test)]
mod tests {
    use domain::{Headers, Message, MessageId};
    use telemetry::Metrics;
    use testkit::clock::ManualClock;
    use testkit::memory::{MemoryQueue, MemoryStore};

    use super::*;

    /// Polls `observing`, which never ends, until it waits for its clock.
    async fn once(observing: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = observing => panic!("it ended"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn what_waits_and_what_is_away_shows() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let metrics = Metrics::default();
        let servers: ServerMetrics = metrics.set();
        let waiting = Arc::new(MemoryQueue::new(clock.clone()));
        let message =
            Message { id: MessageId::new("m"), headers: Headers::new(), body: domain::Bytes::new() };
        waiting.publish(QueueName::Rows, &[message]).await.unwrap();
        once(queue(waiting, servers.clone(), clock.clone())).await;
        let tables = Arc::new(MemoryStore::new(clock.clone()));
        once(store(tables, servers.clone(), metrics.set(), clock)).await;
        assert!(servers.is_connected(Server::Queue) && servers.is_connected(Server::Store));
        let text = metrics.render();
        assert!(text.contains(r#"coinpipe_queue_messages{queue="rows",state="ready"} 1.0"#), "{text}");
    }
}

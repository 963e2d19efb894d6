//! Requeueing a delivery that was dropped without being settled.

use std::sync::Arc;
use std::time::Duration;

use domain::Message;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use outage::Backoff;
use ports::QueueError;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::channel::ConsumerChannel;
use crate::client::Client;
use crate::publish::RoutedMessage;

/// How long a message is kept here while it cannot be published; brokers take it away after 30 minutes.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// The same when the process is about to end.
const LONGEST_WAIT_AT_END: Duration = Duration::from_secs(3);
/// The shortest wait before it is tried again.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// A delivery on its way back to its queue.
pub(super) struct Requeue {
    client: Arc<Client>,
    channel: Arc<ConsumerChannel>,
    acker: Acker,
    queue: Arc<str>,
}

impl Requeue {
    /// Of a delivery from the broker's queue `queue`.
    pub(super) fn new(
        client: Arc<Client>,
        channel: Arc<ConsumerChannel>,
        acker: Acker,
        queue: Arc<str>,
    ) -> Self {
        Self { client, channel, acker, queue }
    }

    /// Publishes `copy` and acknowledges the delivery: then this delivery does not count towards the delivery limit.
    /// Without a copy, or when it cannot be published, the delivery is returned as it is, which brokers before 4.3 count.
    pub(super) async fn run(self, copy: Option<Message>) {
        let limit = self.client.options.call_timeout;
        let requeued = match copy {
            Some(copy) => match self.republish(&copy).await {
                Ok(true) => self.channel.settle(self.acker.ack(BasicAckOptions::default()), limit).await,
                Ok(false) => self.nack(limit).await,
                Err(lost) => Err(lost),
            },
            None => self.nack(limit).await,
        };
        if requeued.is_err() {
            debug!(queue = %self.queue, "the broker requeues a message by itself: its connection is gone");
        }
    }

    async fn nack(&self, limit: Duration) -> Result<(), QueueError> {
        let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        self.channel.settle(self.acker.nack(requeue), limit).await
    }

    /// `false`: it cannot be published now.
    async fn republish(&self, message: &Message) -> Result<bool, QueueError> {
        let Client { names, options, publisher, ending, .. } = &*self.client;
        let (exchange, key) = names.back_to(&self.queue);
        let routed = [RoutedMessage { exchange: &exchange, key: &key, message }];
        let began = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            self.channel.round_trip(options.call_timeout).await?;
            let longest = if ending.is_cancelled() { LONGEST_WAIT_AT_END } else { LONGEST_WAIT };
            let left = longest.saturating_sub(began.elapsed());
            let error = tokio::select! {
                published = timeout(left, publisher.publish(&routed)) => match published {
                    Ok(Ok(())) => return Ok(true),
                    Ok(Err(error)) => error,
                    Err(_) => return Ok(false),
                },
                () = too_late(ending) => return Ok(false),
            };
            if !error.is_transient() {
                warn!(queue = %self.queue, %error, "a message goes back as it is, which counts as a delivery");
                return Ok(false);
            }
            let pause = backoff.next_wait().max(SHORTEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = ending.cancelled(), if !ending.is_cancelled() => {}
            }
            if ending.is_cancelled() {
                backoff.reset();
            }
        }
    }
}

/// Returns when the process began to end a while ago.
async fn too_late(ending: &CancellationToken) {
    ending.cancelled().await;
    tokio::time::sleep(LONGEST_WAIT_AT_END).await;
}

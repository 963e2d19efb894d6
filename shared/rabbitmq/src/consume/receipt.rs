//! How a delivery ends: settled, requeued when it is dropped, or lost with its channel.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Message;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use ports::{QueueError, QueueName, Receipt, Settlement};
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::channel::ConsumerChannel;
use super::requeue::Requeue;
use crate::client::Client;
use crate::in_flight::Counted;
use crate::publish::RoutedMessage;

/// A delivery that is ours until it is settled or requeued.
pub(super) struct RabbitReceipt {
    client: Arc<Client>,
    channel: Arc<ConsumerChannel>,
    acker: Acker,
    from: QueueName,
    /// The broker's name of the queue it came from.
    queue: Arc<str>,
    /// What to publish when it is requeued. `None`: it is returned as it is, because its queue has no delivery limit.
    copy: Option<Message>,
    /// The consumer's, once a caller has the delivery.
    permit: Option<OwnedSemaphorePermit>,
    counted: Option<Counted>,
    is_settled: bool,
}

impl RabbitReceipt {
    /// Of a delivery that just arrived.
    pub(super) fn new(
        client: Arc<Client>,
        channel: Arc<ConsumerChannel>,
        acker: Acker,
        from: QueueName,
        queue: Arc<str>,
        copy: Option<Message>,
    ) -> Self {
        let counted = Some(client.in_flight.arrived(from));
        Self { client, channel, acker, from, queue, copy, permit: None, counted, is_settled: false }
    }

    /// The delivery is handed to a caller.
    pub(super) fn delivered(&mut self, permit: OwnedSemaphorePermit) {
        self.permit = Some(permit);
        if let Some(counted) = &mut self.counted {
            counted.delivered();
        }
    }

    async fn acknowledge(&mut self) -> Result<(), QueueError> {
        let limit = self.client.options.call_timeout;
        let acked = self.channel.settle(self.acker.ack(BasicAckOptions::default()), limit).await;
        // Acknowledged or lost: either way there is nothing to requeue.
        self.is_settled = true;
        acked
    }

    /// Publishes what `settlement` of `message` asks for.
    async fn publish(&mut self, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        let client = Arc::clone(&self.client);
        let (names, now) = (&client.names, client.clock.now());
        match settlement {
            Settlement::Done => (),
            Settlement::RetryAfter { delay, attempt } => {
                let message = message.retried(attempt, now);
                self.publish_one(&names.retry(), &names.retry_key(self.from, delay), &message).await?;
            }
            Settlement::DeadLetter(letter) => {
                self.publish_one(&names.of(QueueName::Dead), "dead", &letter.into_message()).await?;
            }
        }
        Ok(())
    }

    /// Publishes a message, if the delivery is still ours.
    async fn publish_one(&mut self, exchange: &str, key: &str, message: &Message) -> Result<(), QueueError> {
        let is_ours = self.channel.round_trip(self.client.options.call_timeout).await;
        is_ours.inspect_err(|_| self.is_settled = true)?;
        self.client.publisher.publish(&[RoutedMessage { exchange, key, message }]).await
    }

    /// Rejects the delivery: the broker moves it to the dead letters as it is. That needs no publishing, so it works for
    /// what cannot be published. A letter is on its last queue, so it is requeued.
    async fn reject(&mut self, reason: &str) -> Result<(), QueueError> {
        let requeue = self.from == QueueName::Dead;
        warn!(queue = %self.from, reason, "settled without what the queue refuses; see the dead letters");
        let limit = self.client.options.call_timeout;
        let nack = self.acker.nack(BasicNackOptions { requeue, ..BasicNackOptions::default() });
        let rejected = self.channel.settle(nack, limit).await;
        self.is_settled = true;
        rejected
    }
}

#[async_trait]
impl Receipt for RabbitReceipt {
    async fn settle(mut self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        match self.publish(message, settlement).await {
            Ok(()) => self.acknowledge().await,
            Err(QueueError::Refused { reason }) => self.reject(&reason).await,
            Err(error) => Err(error),
        }
    }
}

impl Drop for RabbitReceipt {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let Self { client, channel, acker, queue, .. } = &*self;
        let requeue = Requeue::new(Arc::clone(client), Arc::clone(channel), acker.clone(), Arc::clone(queue));
        let (copy, permit, counted) = (self.copy.take(), self.permit.take(), self.counted.take());
        let requeueing = async move {
            requeue.run(copy).await;
            // Until now the message is in flight.
            drop(permit);
            drop(counted);
        };
        self.client.tasks.spawn_on(requeueing, &self.client.runtime);
    }
}

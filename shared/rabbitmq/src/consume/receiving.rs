//! The task of a consumer: it receives deliveries from the broker for as long as the consumer is there.

use std::sync::Arc;

use domain::Message;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions};
use lapin::types::{FieldTable, ShortString};
use ports::{QueueError, QueueName};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use super::channel::ConsumerChannel;
use super::letters::{LetterContext, dead_letter, death, unroutable_letter};
use super::receipt::RabbitReceipt;
use crate::client::Client;
use crate::error::{queue_error, within};
use crate::message::{read, read_letter};
use crate::topology::short;

/// A delivery that was not handed to a caller yet. When it is dropped, it is requeued.
pub(super) struct Buffered {
    pub(super) message: Message,
    pub(super) deliveries: u32,
    pub(super) receipt: RabbitReceipt,
}

/// The deliveries of a queue, each with the queue's name; the last item is `None`.
type Arrivals = BoxStream<'static, (Arc<str>, Option<lapin::Result<Delivery>>)>;

/// Receives what arrives on a channel.
pub(super) struct Receiving {
    client: Arc<Client>,
    channel: Arc<ConsumerChannel>,
    from: QueueName,
    tags: Vec<ShortString>,
    streams: SelectAll<Arrivals>,
}

impl Receiving {
    /// Starts to consume from the broker's queues that belong to `from`.
    pub(super) async fn start(
        client: Arc<Client>,
        channel: ConsumerChannel,
        from: QueueName,
    ) -> Result<Self, QueueError> {
        let mut queues = vec![client.names.of(from)];
        if from == QueueName::Dead {
            queues.push(client.names.unroutable());
        }
        let channel = Arc::new(channel);
        let mut receiving = Self { client, channel, from, tags: Vec::new(), streams: SelectAll::new() };
        for queue in queues {
            receiving.consume(&queue).await?;
        }
        Ok(receiving)
    }

    async fn consume(&mut self, queue: &str) -> Result<(), QueueError> {
        let options = BasicConsumeOptions::default();
        let channel = self.channel.channel();
        let consuming = channel.basic_consume(short(queue)?, "".into(), options, FieldTable::default());
        let session = self.channel.session();
        let consumer = session.call(&format!("cannot consume from {queue}"), consuming).await?;
        self.tags.push(consumer.tag());
        let queue: Arc<str> = queue.into();
        let ended = stream::once({
            let queue = Arc::clone(&queue);
            async move { (queue, None) }
        });
        let arrivals = consumer.map(move |arrived| (Arc::clone(&queue), Some(arrived)));
        self.streams.push(arrivals.chain(ended).boxed());
        Ok(())
    }

    /// Passes on what arrives until the consumer is dropped, which sends a token through `stopped`, or the session ends.
    pub(super) async fn run(
        mut self,
        send: mpsc::UnboundedSender<Result<Buffered, QueueError>>,
        mut stopped: oneshot::Receiver<TaskTrackerToken>,
    ) {
        loop {
            tokio::select! {
                biased;
                token = &mut stopped => {
                    self.stop().await;
                    // Release the token last. Deliveries that are dropped with `send` have started their own requeue
                    // tasks by then, and `flush` waits for those.
                    drop(send);
                    drop(token);
                    return;
                }
                arrived = self.streams.next() => match arrived {
                    Some((queue, Some(Ok(delivery)))) => {
                        // When the receiver is gone, the delivery is dropped, which requeues it.
                        drop(send.send(Ok(self.buffered(delivery, queue))));
                    }
                    Some((queue, ended)) => {
                        self.channel.session().abort();
                        let error = match ended {
                            Some(Err(error)) => queue_error(&format!("consuming from {queue} ended"), &error),
                            _ => QueueError::unavailable(format!(
                                "RabbitMQ ended consuming from {queue}: it was deleted, or moved"
                            )),
                        };
                        drop(send.send(Err(error)));
                        return;
                    }
                    None => return,
                },
            }
        }
    }

    /// Cancels the consumers at the broker, and requeues what it had sent before.
    async fn stop(&mut self) {
        let limit = self.client.options.call_timeout;
        for tag in std::mem::take(&mut self.tags) {
            let cancel = self.channel.channel().basic_cancel(tag, BasicCancelOptions::default());
            if let Err(error) = within(limit, "cannot stop consuming", cancel).await {
                self.channel.session().abort();
                debug!(%error, queue = %self.from, "the broker requeues by itself what it had sent");
                return;
            }
        }
        while let Ok(Some((queue, arrived))) = tokio::time::timeout(limit, self.streams.next()).await {
            if let Some(Ok(delivery)) = arrived {
                drop(self.buffered(delivery, queue));
            }
        }
    }

    fn buffered(&self, mut delivery: Delivery, queue: Arc<str>) -> Buffered {
        let client = &self.client;
        let death = death(&delivery);
        let read = if self.from == QueueName::Dead { read_letter } else { read };
        let (mut message, deliveries) = read(&mut delivery);
        if self.from == QueueName::Dead {
            let context = LetterContext {
                names: &client.names,
                death,
                exchange: delivery.exchange.as_str(),
                routing_key: delivery.routing_key.as_str(),
                delivery_limit: client.options.delivery_limit,
                now: client.clock.now(),
            };
            let is_unroutable = *queue == *client.names.unroutable();
            let translate = if is_unroutable { unroutable_letter } else { dead_letter };
            message = translate(message, &context);
        }
        // The dead and the unroutable queue have no delivery limit, so their messages are returned as they are.
        let copy = (self.from != QueueName::Dead).then(|| message.clone());
        let receipt = RabbitReceipt::new(
            Arc::clone(client),
            Arc::clone(&self.channel),
            delivery.acker.clone(),
            self.from,
            queue,
            copy,
        );
        Buffered { message, deliveries, receipt }
    }
}

//! Consuming: a channel of its own per consumer, and a task that takes what arrives.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Message;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use lapin::message::Delivery as Arrived;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use ports::{Consumer, Delivery, QueueError, QueueName};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use crate::error::{blame, within};
use crate::incoming::{Trail, dead_letter, death, read, read_letter, unroutable_letter};
use crate::queue::Inner;
use crate::receipt::{Ground, RabbitReceipt};
use crate::topology::short;

/// A delivery that nobody asked for yet. Dropped, it goes back.
struct Waiting {
    message: Message,
    deliveries: u32,
    receipt: RabbitReceipt,
}

pub(crate) struct RabbitConsumer {
    arriving: mpsc::UnboundedReceiver<Result<Waiting, QueueError>>,
    waiting: VecDeque<Waiting>,
    permits: Arc<Semaphore>,
    shared: Arc<Inner>,
    /// Told to stop with a token that holds up a flush until everything is given back.
    stop: Option<oneshot::Sender<TaskTrackerToken>>,
}

impl RabbitConsumer {
    /// Starts consuming: at most `prefetch` deliveries handed out, and no more than that many on their way
    /// for each of the broker's queues.
    pub async fn start(shared: Arc<Inner>, from: QueueName, prefetch: u16) -> Result<Self, QueueError> {
        let session = shared.consuming.session().await?;
        let channel = session.channel().await?;
        let ground = Arc::new(Ground { session, channel, prefetch });
        let qos = ground.channel.basic_qos(prefetch, BasicQosOptions::default());
        ground.session.call("cannot set the prefetch", qos).await?;
        let mut queues = vec![shared.names.of(from)];
        if from == QueueName::Dead {
            queues.push(shared.names.unroutable());
        }
        let mut pump =
            Pump { shared: Arc::clone(&shared), ground, from, tags: Vec::new(), streams: SelectAll::new() };
        for queue in queues {
            pump.open(&queue).await?;
        }
        let (send, arriving) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        shared.runtime.spawn(pump.run(send, stopped));
        let permits = Arc::new(Semaphore::new(usize::from(prefetch)));
        Ok(Self { arriving, waiting: VecDeque::new(), permits, shared, stop: Some(stop) })
    }
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self) -> Result<Delivery, QueueError> {
        loop {
            tokio::select! {
                biased;
                // Also while all that may be handed out is: who holds it wants to know that it is lost.
                arrived = self.arriving.recv() => match arrived {
                    Some(arrived) => self.waiting.push_back(arrived?),
                    None => return Err(QueueError::unavailable("consuming ended before")),
                },
                permit = Arc::clone(&self.permits).acquire_owned(), if !self.waiting.is_empty() => {
                    let permit = permit.map_err(QueueError::unavailable)?;
                    let Some(Waiting { message, deliveries, mut receipt }) = self.waiting.pop_front() else {
                        continue;
                    };
                    receipt.hold(permit);
                    return Ok(Delivery::new(message, deliveries, Box::new(receipt)));
                }
            }
        }
    }
}

impl Drop for RabbitConsumer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Whoever ended by itself has nothing left to stop.
            let _ = stop.send(self.shared.tasks.token());
        }
    }
}

type Arrivals = BoxStream<'static, (Arc<str>, Option<lapin::Result<Arrived>>)>;

/// Takes what arrives on a channel.
struct Pump {
    shared: Arc<Inner>,
    ground: Arc<Ground>,
    from: QueueName,
    tags: Vec<ShortString>,
    streams: SelectAll<Arrivals>,
}

impl Pump {
    async fn open(&mut self, queue: &str) -> Result<(), QueueError> {
        let Ground { session, channel, .. } = &*self.ground;
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(short(queue)?, "".into(), options, FieldTable::default());
        let consumer = session.call(&format!("cannot consume from {queue}"), consuming).await?;
        self.tags.push(consumer.tag());
        let origin: Arc<str> = queue.into();
        let ended = stream::once({
            let origin = Arc::clone(&origin);
            async move { (origin, None) }
        });
        let arrivals = consumer.map(move |arrived| (Arc::clone(&origin), Some(arrived)));
        self.streams.push(arrivals.chain(ended).boxed());
        Ok(())
    }

    async fn run(
        mut self,
        send: mpsc::UnboundedSender<Result<Waiting, QueueError>>,
        mut stopped: oneshot::Receiver<TaskTrackerToken>,
    ) {
        loop {
            tokio::select! {
                biased;
                token = &mut stopped => {
                    self.wind_up().await;
                    // Kept in the sent ones' place until now: their give-backs count for themselves.
                    drop(send);
                    drop(token);
                    return;
                }
                arrived = self.streams.next() => match arrived {
                    Some((origin, Some(Ok(arrived)))) => {
                        // When nobody receives any more it is given back by being dropped.
                        drop(send.send(Ok(self.take(arrived, origin))));
                    }
                    Some((origin, ended)) => {
                        self.ground.session.fail();
                        let error = match ended {
                            Some(Err(error)) => blame(&format!("consuming from {origin} ended"), &error),
                            _ => QueueError::unavailable(format!(
                                "RabbitMQ ended consuming from {origin}: it was deleted, or moved"
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

    /// Stops the broker from sending more, and gives back what is on its way.
    async fn wind_up(&mut self) {
        let limit = self.shared.options.call_timeout;
        for tag in std::mem::take(&mut self.tags) {
            let cancel = self.ground.channel.basic_cancel(tag, BasicCancelOptions::default());
            if let Err(error) = within(limit, "cannot stop consuming", cancel).await {
                self.ground.session.fail();
                debug!(%error, queue = %self.from, "the broker takes back what it sent by itself");
                return;
            }
        }
        while let Ok(Some((origin, arrived))) = tokio::time::timeout(limit, self.streams.next()).await {
            if let Some(Ok(arrived)) = arrived {
                drop(self.take(arrived, origin));
            }
        }
    }

    fn take(&self, mut arrived: Arrived, origin: Arc<str>) -> Waiting {
        let shared = &self.shared;
        let death = death(&arrived);
        let read = if self.from == QueueName::Dead { read_letter } else { read };
        let (mut message, deliveries) = read(&mut arrived);
        if self.from == QueueName::Dead {
            let trail = Trail {
                names: &shared.names,
                death,
                exchange: arrived.exchange.as_str(),
                routing_key: arrived.routing_key.as_str(),
                delivery_limit: shared.options.delivery_limit,
                now: shared.clock.now(),
            };
            let is_unroutable = *origin == *shared.names.unroutable();
            let translate = if is_unroutable { unroutable_letter } else { dead_letter };
            message = translate(message, &trail);
        }
        // The dead and the unroutable have no limit, so they go back as they are.
        let copy = (self.from != QueueName::Dead).then(|| message.clone());
        let receipt = RabbitReceipt::new(
            Arc::clone(shared),
            Arc::clone(&self.ground),
            arrived.acker.clone(),
            self.from,
            origin,
            copy,
        );
        Waiting { message, deliveries, receipt }
    }
}

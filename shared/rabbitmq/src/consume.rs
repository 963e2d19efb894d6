//! Consuming: each consumer has a channel of its own, and a task that receives what arrives on it.

mod channel;
mod letters;
mod receipt;
mod receiving;
mod requeue;

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Consumer, Delivery, QueueError, QueueName};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::task_tracker::TaskTrackerToken;

use self::channel::ConsumerChannel;
use self::receiving::{Buffered, Receiving};
use crate::client::Client;

pub(crate) struct RabbitConsumer {
    arriving: mpsc::UnboundedReceiver<Result<Buffered, QueueError>>,
    buffered: VecDeque<Buffered>,
    /// One for each delivery that may be unsettled.
    permits: Arc<Semaphore>,
    client: Arc<Client>,
    /// Stops the task. The token delays a flush until the task has requeued everything.
    stop: Option<oneshot::Sender<TaskTrackerToken>>,
}

impl RabbitConsumer {
    /// Starts consuming: callers have at most `prefetch` deliveries unsettled, and the broker sends at most that many
    /// from each of its queues.
    pub(crate) async fn start(
        client: Arc<Client>,
        from: QueueName,
        prefetch: u16,
    ) -> Result<Self, QueueError> {
        let session = client.consuming.session().await?;
        let channel = ConsumerChannel::open(session, prefetch).await?;
        let receiving = Receiving::start(Arc::clone(&client), channel, from).await?;
        let (send, arriving) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        client.runtime.spawn(receiving.run(send, stopped));
        let permits = Arc::new(Semaphore::new(usize::from(prefetch)));
        Ok(Self { arriving, buffered: VecDeque::new(), permits, client, stop: Some(stop) })
    }
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self) -> Result<Delivery, QueueError> {
        loop {
            tokio::select! {
                biased;
                // Also when no permit is left: the caller wants to learn that its deliveries are lost.
                arrived = self.arriving.recv() => match arrived {
                    Some(arrived) => self.buffered.push_back(arrived?),
                    None => return Err(QueueError::unavailable("consuming ended before")),
                },
                permit = Arc::clone(&self.permits).acquire_owned(), if !self.buffered.is_empty() => {
                    let permit = permit.map_err(QueueError::unavailable)?;
                    let Some(Buffered { message, deliveries, mut receipt }) = self.buffered.pop_front() else {
                        continue;
                    };
                    receipt.delivered(permit);
                    return Ok(Delivery::new(message, deliveries, Box::new(receipt)));
                }
            }
        }
    }
}

impl Drop for RabbitConsumer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The task may have ended already; then there is nothing to stop.
            let _ = stop.send(self.client.tasks.token());
        }
    }
}

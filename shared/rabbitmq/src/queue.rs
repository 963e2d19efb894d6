//! The ports on RabbitMQ: where publishing, consuming, the archive and leadership come together.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{
    Archive, ArchiveRange, Archived, Clock, Consumer, Depth, Leadership, Queue, QueueError, QueueName, Term,
};

use crate::archive::{self, ArchivedQueue};
use crate::client::Client;
use crate::consume::RabbitConsumer;
use crate::leader::Candidate;
use crate::publish::RoutedMessage;
use crate::{Options, depth};

/// The queues, the archive and leadership on a RabbitMQ. Connects when it is first used, and again whenever it has to.
pub struct RabbitQueue {
    client: Arc<Client>,
    /// The work queue *raw*, with the archive behind it.
    raw: ArchivedQueue,
}

impl RabbitQueue {
    /// The queue at the broker that `options` name. Does not connect yet. Needs to be called on a runtime.
    /// [`QueueError::Misconfigured`] when AMQP cannot have these options.
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let options = Arc::new(options);
        Self::with_archive_at(Arc::clone(&options), &options, clock)
    }

    /// The same, with `archive` as the options of the connection to the archive.
    pub(crate) fn with_archive_at(
        options: Arc<Options>,
        archive: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        let client = Arc::new(Client::new(options, clock)?);
        Ok(Self { raw: ArchivedQueue::new(Arc::clone(&client), archive), client })
    }

    /// What it shares with its consumers.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The work queue *raw*.
    #[cfg(test)]
    pub(crate) fn raw(&self) -> &ArchivedQueue {
        &self.raw
    }

    /// Requeues what is held and closes the connections. A later call connects again.
    pub async fn close(&self) {
        self.client.flush().await;
        tokio::join!(self.client.close(), self.raw.close());
    }
}

impl fmt::Debug for RabbitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitQueue").field("options", &self.client.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        let key = match to {
            QueueName::Raw => return self.raw.publish(messages).await,
            QueueName::Rows => "rows.new",
            QueueName::Dead => "dead",
        };
        let exchange = self.client.names.of(to);
        let routed = messages.iter().map(|message| RoutedMessage { exchange: &exchange, key, message });
        self.client.publisher.publish(&routed.collect::<Vec<_>>()).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(RabbitConsumer::start(Arc::clone(&self.client), from, prefetch.max(1)).await?))
    }

    /// `ready` and `delayed` are the broker's; `unsettled` is what this process holds, because AMQP does not tell about
    /// others. `oldest_at` is not known. A queue that does not exist holds nothing.
    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        depth::depth(&self.client, queue).await
    }

    async fn flush(&self) {
        self.client.flush().await;
    }
}

#[async_trait]
impl Archive for RabbitQueue {
    async fn range(&self, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
        archive::range(&self.client, since).await
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        archive::read(&self.client, after, limit).await
    }
}

#[async_trait]
impl Leadership for RabbitQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        let candidate = Candidate::join(Arc::clone(&self.client)).await?;
        // A process that is about to publish pages also appends those that the archive does not have yet.
        self.raw.keep_catching_up();
        candidate.lead().await
    }
}

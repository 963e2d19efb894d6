//! The ports on RabbitMQ: where publishing, consuming and the archive come together.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{Archive, Archived, Clock, Consumer, Depth, Queue, QueueError, QueueName, Stretch};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::consume::RabbitConsumer;
use crate::feed::Feed;
use crate::link::{Link, Session, Together};
use crate::publish::{Post, Publisher};
use crate::receipt::Tally;
use crate::topology::Names;
use crate::{Options, archive, depth, feed, leader};

/// The queues, the archive and leadership on a RabbitMQ. Connects when it is first used, and again whenever it has to.
pub struct RabbitQueue {
    pub(crate) inner: Arc<Inner>,
}

/// What the queue, its consumers and its deliveries share.
pub(crate) struct Inner {
    pub options: Arc<Options>,
    pub names: Names,
    pub clock: Arc<dyn Clock>,
    pub publishing: Arc<Link>,
    pub consuming: Arc<Link>,
    pub leading: Arc<Link>,
    /// For looking: counting messages, reading the archive. Whatever happens to it, work goes on.
    pub observing: Link,
    pub publisher: Publisher,
    pub feed: Feed,
    /// Where a dropped delivery is given back.
    pub runtime: Handle,
    /// Give-backs on their way, which [`Queue::flush`] waits for.
    pub tasks: TaskTracker,
    /// The process is about to end: give back now.
    pub hurry: CancellationToken,
    pub tally: Tally,
    /// What is not there, when the broker is only looked at.
    pub absent: OnceLock<BTreeSet<String>>,
}

impl RabbitQueue {
    /// The queue at the broker that `options` name. Does not connect yet. Needs to be called on a runtime.
    /// [`QueueError::Misconfigured`] when AMQP cannot have these options.
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let options = Arc::new(options);
        Self::feeding(Arc::clone(&options), &options, clock)
    }

    /// The same, feeding the archive as `feed` says.
    pub(crate) fn feeding(
        options: Arc<Options>,
        feed: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        let names = Names::new(&options)?;
        let together = Arc::<Together>::default();
        let link = |purpose, options: &Arc<Options>| {
            Link::new(purpose, Arc::clone(options), names.clone(), &together)
        };
        let publishing = Arc::new(link("publishing", &options));
        let consuming = Arc::new(link("consuming", &options));
        let mut leading = Options::clone(&options);
        let heartbeat = leading.uri.query.heartbeat.get_or_insert(leader::HEARTBEAT);
        *heartbeat = leader::HEARTBEAT.min(*heartbeat);
        let leading = Arc::new(link("leading", &Arc::new(leading)));
        let publisher = Publisher::new(Arc::clone(&publishing), Arc::clone(&options), Arc::clone(&clock));
        let inner = Inner {
            observing: link("observing", &options).aside(),
            feed: Feed::new(feed, &clock, |hasty| link("archiving", hasty).aside()),
            options,
            names,
            clock,
            publishing,
            consuming,
            leading,
            publisher,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            hurry: CancellationToken::new(),
            tally: Tally::default(),
            absent: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Connects and declares everything, when that is not done: what a check or a start wants to know.
    pub async fn connect(&self) -> Result<(), QueueError> {
        self.inner.publishing.session().await?;
        self.inner.consuming.session().await?;
        Ok(())
    }

    /// Whether every connection that this process works with is up, and the broker takes messages. Costs nothing
    /// and waits for nobody, so a health check can ask often: a connection that broke shows when its heartbeat
    /// fails, or before, and is opened again in the background. `false` before the first use.
    pub fn is_connected(&self) -> bool {
        let Inner { publishing, consuming, leading, .. } = &*self.inner;
        let links = [publishing, consuming, leading].map(|link| (link, link.alive()));
        for (link, _) in links.iter().filter(|(link, alive)| link.is_used() && alive.is_none()) {
            Link::open_soon(link, &self.inner.runtime);
        }
        let up = |(link, alive): &(&Arc<Link>, Option<Arc<Session>>)| {
            alive.as_ref().map_or(!link.is_used(), |session| !session.is_blocked())
        };
        links.iter().all(up) && links.iter().any(|(link, _)| link.is_used())
    }

    /// Gives back what is held and closes the connections. A later call connects again.
    pub async fn close(&self) {
        self.flush().await;
        let Inner { publishing, consuming, leading, observing, feed, .. } = &*self.inner;
        tokio::join!(publishing.close(), consuming.close(), leading.close(), observing.close(), feed.close(),);
    }

    /// Breaks its connections.
    #[cfg(test)]
    pub(crate) fn cut(&self) {
        let Inner { publishing, consuming, leading, observing, feed, .. } = &*self.inner;
        for link in [publishing, consuming, leading, observing, &feed.link] {
            if let Some(session) = link.alive() {
                session.fail();
            }
        }
    }
}

impl fmt::Debug for RabbitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitQueue").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        let key = match to {
            QueueName::Raw => return feed::publish(&self.inner, messages).await,
            QueueName::Rows => "rows.new",
            QueueName::Dead => "dead",
        };
        let exchange = self.inner.names.of(to);
        let posts = messages.iter().map(|message| Post { exchange: &exchange, key, message });
        self.inner.publisher.publish(&posts.collect::<Vec<_>>()).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(RabbitConsumer::start(Arc::clone(&self.inner), from, prefetch.max(1)).await?))
    }

    /// `ready` and `delayed` are the broker's; `unsettled` is what this process holds, AMQP does not tell
    /// about others. `oldest_at` is not known. A queue that is not there holds nothing.
    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        depth::depth(&self.inner, queue).await
    }

    async fn flush(&self) {
        self.inner.hurry.cancel();
        // Closed only means that waiting can end; a consumer that winds up may still add a task.
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

#[async_trait]
impl Archive for RabbitQueue {
    async fn stretch(&self, since: Option<DateTime<Utc>>) -> Result<Stretch, QueueError> {
        archive::stretch(&self.inner, since).await
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        archive::read(&self.inner, after, limit).await
    }
}

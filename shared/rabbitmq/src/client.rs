//! What the queue, its consumers, its deliveries, its terms as leader and its archive share: connections, names, limits.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use ports::{Clock, QueueError};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Options;
use crate::connection::{Connection, ConnectionGroup};
use crate::counting::CountingChannels;
use crate::in_flight::InFlight;
use crate::publish::Publisher;
use crate::topology::Names;

/// The heartbeat in seconds of the connection that leads, at most: the shorter it is, the sooner a successor leads.
const LEADER_HEARTBEAT: u16 = 3;

/// One process at the broker.
pub(crate) struct Client {
    pub(crate) options: Arc<Options>,
    pub(crate) names: Names,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) group: Arc<ConnectionGroup>,
    pub(crate) publishing: Arc<Connection>,
    pub(crate) consuming: Connection,
    pub(crate) leading: Connection,
    /// For counting messages and reading the archive. When it fails, work goes on.
    pub(crate) observing: Connection,
    pub(crate) counting: CountingChannels,
    pub(crate) publisher: Publisher,
    pub(crate) runtime: Handle,
    /// Requeues and other work in the background, which [`ports::Queue::flush`] waits for.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the process is about to end: what is held is requeued without delay.
    pub(crate) ending: CancellationToken,
    pub(crate) in_flight: Arc<InFlight>,
    /// The queues that did not exist when the broker was inspected. Not set when it is worked with.
    missing: OnceLock<BTreeSet<String>>,
}

impl Client {
    /// Does not connect yet. To be called on a runtime. [`QueueError::Misconfigured`] when AMQP cannot have these names.
    pub(crate) fn new(options: Arc<Options>, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let names = Names::new(&options)?;
        let group = ConnectionGroup::new(names.clone());
        let mut leading = Options::clone(&options);
        let heartbeat = leading.uri.query.heartbeat.get_or_insert(LEADER_HEARTBEAT);
        *heartbeat = LEADER_HEARTBEAT.min(*heartbeat);
        let publishing = Arc::new(Connection::new("publishing", Arc::clone(&options), &group));
        Ok(Self {
            consuming: Connection::new("consuming", Arc::clone(&options), &group),
            leading: Connection::new("leading", Arc::new(leading), &group),
            observing: Connection::secondary("observing", Arc::clone(&options), &group),
            publisher: Publisher::new(Arc::clone(&publishing), Arc::clone(&options), Arc::clone(&clock)),
            counting: CountingChannels::default(),
            publishing,
            options,
            names,
            clock,
            group,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            in_flight: Arc::default(),
            missing: OnceLock::new(),
        })
    }

    /// Whether the queue `name` did not exist when the broker was inspected. Never, when it is worked with.
    pub(crate) fn is_missing(&self, name: &str) -> bool {
        self.missing.get().is_some_and(|missing| missing.contains(name))
    }

    /// The queues that did not exist when the broker was inspected.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &String> {
        self.missing.get().into_iter().flatten()
    }

    /// Remembers what the inspection found. Only the first one counts.
    pub(crate) fn set_missing(&self, missing: BTreeSet<String>) {
        self.missing.get_or_init(|| missing);
    }

    /// Waits until nothing is left to do in the background.
    pub(crate) async fn flush(&self) {
        self.ending.cancel();
        // A closed tracker still takes tasks: a consumer that ends may add some.
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Closes its connections. A later call connects again.
    pub(crate) async fn close(&self) {
        let Self { publishing, consuming, leading, observing, .. } = self;
        tokio::join!(publishing.close(), consuming.close(), leading.close(), observing.close());
    }
}

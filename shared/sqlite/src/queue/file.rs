//! What the queue, its consumers, its deliveries and its terms as leader share: the file, the limits, the leases.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Message;
use ports::{Clock, QueueName};
use sqlx::SqliteConnection;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::held::HeldLeases;
use super::options::QueueOptions;
use super::{archive, table};
use crate::database::{Database, Work};
use crate::error::Error;

/// One process at the file.
pub(super) struct QueueFile {
    pub(super) database: Database,
    pub(super) options: QueueOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: Handle,
    /// Claims and requeues in the background, which [`ports::Queue::flush`] waits for.
    pub(super) tasks: TaskTracker,
    held: Mutex<HeldLeases>,
    /// For each queue: something may be deliverable that was not before.
    wakes: [Notify; QueueName::ALL.len()],
}

impl QueueFile {
    /// To be called on a runtime. The schema must be there.
    pub(super) fn new(database: Database, options: QueueOptions, clock: Arc<dyn Clock>) -> Self {
        let held = Mutex::new(HeldLeases::starting_at(clock.now()));
        let (runtime, tasks) = (Handle::current(), TaskTracker::new());
        Self { database, options, clock, runtime, tasks, held, wakes: Default::default() }
    }

    /// The leases that this process holds.
    pub(super) fn held(&self) -> MutexGuard<'_, HeldLeases> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notified when something may be deliverable on `queue`.
    pub(super) fn wakes(&self, queue: QueueName) -> &Notify {
        &self.wakes[queue as usize]
    }

    /// Wakes the consumers of `queue` in this process; those of other processes poll.
    pub(super) fn wake(&self, queue: QueueName) {
        self.wakes(queue).notify_waiters();
    }

    /// Publishes all of `messages`, or none, and archives the live pages among them.
    pub(super) async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), Error> {
        self.database.write(&Publish { file: self, to, messages }).await?;
        self.wake(to);
        Ok(())
    }
}

struct Publish<'p> {
    file: &'p QueueFile,
    to: QueueName,
    messages: &'p [Message],
}

#[async_trait]
impl Work for Publish<'_> {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let QueueFile { clock, options, .. } = self.file;
        let now = clock.now();
        for message in self.messages {
            let body = table::insert(connection, self.to, message, now).await?;
            if self.to.archives(message) {
                archive::insert(connection, message, body, now, options).await?;
            }
        }
        Ok(())
    }
}

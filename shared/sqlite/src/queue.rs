//! The queue in a SQLite file: messages are rows, a delivery is a lease on a row.
//!
//! # Guarantees
//! Those of [`ports::Queue`]. Publishing and settling are one transaction each. A lease is renewed in the
//! background for as long as its delivery is held, so a slow holder keeps its message, and the messages of
//! a process that died or froze are delivered again after the lease. Who settles too late is told
//! [`QueueError::Lost`]: every time a message is handed out its lease gets a new number.
//!
//! # Not guaranteed
//! When the machine's clock is set back, messages that wait for a time wait that much longer. When it is
//! set forward, other processes may take what is held here before the next renewal; then work repeats.

mod consumer;
mod leader;
mod lease;
mod options;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{Archive, Archived, Clock, Consumer, Depth, Queue, QueueError, QueueName, Stretch};
use sqlx::SqliteConnection;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use self::consumer::SqliteConsumer;
use self::lease::{Held, renew_for_ever};
pub use self::options::QueueOptions;
pub(crate) use self::table::{headers_to_text, message_from};
use crate::archive;
use crate::database::{Database, Migration, Schema};
use crate::error::Error;

pub(crate) const SCHEMA: Schema = Schema {
    table: "queue_migrations",
    migrations: &[
        Migration {
            version: 1,
            description: "queue",
            sql: include_str!("../../../migrations/sqlite/queue/0001_queue.sql"),
        },
        Migration {
            version: 2,
            description: "leader",
            sql: include_str!("../../../migrations/sqlite/queue/0002_leader.sql"),
        },
    ],
};

/// A durable queue and its archive in a SQLite file. Any number of processes may use the file.
pub struct SqliteQueue {
    inner: Arc<Inner>,
    renewal: AbortHandle,
}

/// What the queue, its consumers and its deliveries share.
struct Inner {
    database: Database,
    options: QueueOptions,
    clock: Arc<dyn Clock>,
    /// Where a dropped delivery is given back.
    runtime: Handle,
    /// Claims and give-backs on their way, which [`Queue::flush`] waits for.
    tasks: TaskTracker,
    held: Mutex<Held>,
    /// For each queue: something may be deliverable that was not before.
    wakes: [Notify; QueueName::ALL.len()],
}

impl SqliteQueue {
    /// The queue in `database`, whose schema is brought up to date.
    pub async fn open(
        database: Database,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        database.migrate(&SCHEMA).await?;
        Ok(Self::over(database, options, clock))
    }

    /// The queue in `database`, whose schema is there.
    pub(crate) fn over(database: Database, options: QueueOptions, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let inner = Arc::new(Inner {
            database,
            options,
            held: Mutex::new(Held::starting_at(now)),
            clock,
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            wakes: Default::default(),
        });
        let renewal = tokio::spawn(renew_for_ever(Arc::downgrade(&inner), now)).abort_handle();
        Self { inner, renewal }
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("file", &self.inner.database.path()).finish_non_exhaustive()
    }
}

impl Inner {
    /// Tells the consumers of `queue` in this process to look; those of others look by themselves.
    fn wake(&self, queue: QueueName) {
        self.wakes[queue as usize].notify_waiters();
    }

    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        let inserted = self.insert(&mut transaction, to, messages).await;
        inserted.map_err(|error| self.database.blame(error))?;
        self.database.commit(transaction).await?;
        self.wake(to);
        Ok(())
    }

    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        to: QueueName,
        messages: &[Message],
    ) -> Result<(), Error> {
        let now = self.clock.now();
        for message in messages {
            table::insert(connection, to, message, now).await?;
            if to.archives(message) {
                archive::keep(connection, message, now, &self.options).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        Ok(self.inner.publish(to, messages).await?)
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(SqliteConsumer::new(Arc::clone(&self.inner), from, prefetch)))
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        let database = &self.inner.database;
        let depth = table::depth(database.readers(), queue, self.inner.clock.now()).await;
        Ok(depth.map_err(|error| database.blame(error))?)
    }

    async fn flush(&self) {
        // Closed only means that waiting can end; a claim that drops its delivery may still add a task.
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

#[async_trait]
impl Archive for SqliteQueue {
    async fn stretch(&self, since: Option<DateTime<Utc>>) -> Result<Stretch, QueueError> {
        let database = &self.inner.database;
        let stretch = archive::stretch(database.readers(), since).await;
        Ok(stretch.map_err(|error| database.blame(error))?)
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        let database = &self.inner.database;
        let pages = archive::read(database.readers(), after, limit).await;
        Ok(pages.map_err(|error| database.blame(error))?)
    }
}

impl Drop for SqliteQueue {
    /// Deliveries that outlive the queue can still be settled, until their leases end.
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// An instant as the tables hold it, never before `at`: a wait must not end early by a fraction.
fn to_column(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000_000))
}

//! The queue in a SQLite file: messages are rows, a delivery is a lease on a row.
//!
//! # Guarantees
//! Those of [`ports::Queue`]. Publishing, settling and claiming are whole or not at all; what waits for the file's lock
//! at the same time shares one transaction. A lease is renewed in the background for as long as its delivery is held, so a slow holder keeps its message, and the messages of
//! a process that died or froze are delivered again when their leases expired. A late ack returns
//! [`QueueError::Lost`] and changes nothing: each lease on a message has a new number.
//!
//! # Not guaranteed
//! When the machine's clock is set back, retries wait that much longer. When it is set forward, other processes may take
//! what is held here before the next renewal; then work repeats.

mod archive;
mod carry;
mod consumer;
mod file;
mod held;
mod leader;
mod lease;
mod message_row;
mod options;
mod renewal;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{
    Archive, ArchiveRange, Archived, Clock, Consumer, Depth, Leadership, Queue, QueueError, QueueName, Term,
};
use tables::schema::{Migration, Schema};
use tokio::task::AbortHandle;

use self::consumer::SqliteConsumer;
use self::file::QueueFile;
pub use self::options::QueueOptions;
use self::renewal::renew_for_ever;
use crate::database::Database;
use crate::error::Error;

pub(crate) const SCHEMA: Schema = Schema {
    table: "queue_migrations",
    migrations: &[
        Migration::new(1, "queue", include_str!("../../../migrations/sqlite/queue/0001_queue.sql")),
        Migration::new(2, "leader", include_str!("../../../migrations/sqlite/queue/0002_leader.sql")),
        Migration::new(3, "bodies", include_str!("../../../migrations/sqlite/queue/0003_bodies.sql")),
    ],
};

/// A durable queue and its archive in a SQLite file. Any number of processes may use the file.
pub struct SqliteQueue {
    file: Arc<QueueFile>,
    renewal: AbortHandle,
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
        let file = Arc::new(QueueFile::new(database, options, clock));
        let renewal = tokio::spawn(renew_for_ever(Arc::downgrade(&file), now)).abort_handle();
        Self { file, renewal }
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("file", &self.file.database.path()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        Ok(self.file.publish(to, messages).await?)
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(SqliteConsumer::new(Arc::clone(&self.file), from, prefetch)))
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        let database = &self.file.database;
        let depth = table::depth(database.readers(), queue, self.file.clock.now()).await;
        Ok(depth.map_err(|error| database.blame(error))?)
    }

    async fn flush(&self) {
        // A closed tracker still takes tasks: a claim that drops its delivery may add some.
        self.file.tasks.close();
        self.file.tasks.wait().await;
    }
}

#[async_trait]
impl Archive for SqliteQueue {
    async fn range(&self, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
        let database = &self.file.database;
        let range = archive::range(database.readers(), since).await;
        Ok(range.map_err(|error| database.blame(error))?)
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        let database = &self.file.database;
        let pages = archive::read(database.readers(), after, limit).await;
        Ok(pages.map_err(|error| database.blame(error))?)
    }
}

#[async_trait]
impl Leadership for SqliteQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        leader::lead(&self.file).await
    }
}

impl Drop for SqliteQueue {
    /// Deliveries that outlive the queue can still be settled, until their leases expire.
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

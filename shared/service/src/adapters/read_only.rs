//! What is there, and what could be made, without making it.

use std::sync::Arc;

use anyhow::bail;
use config::{Config, SecretUrl};
use mysql::MysqlStore;
use ports::Clock;
use rabbitmq::RabbitQueue;
use sqlite::{Database, SqliteQueue, SqliteStore};

use super::choice::{QueueAdapter, StoreAdapter};
use super::url::file_of;

/// What connecting the queue for work would make, by name.
pub(crate) async fn missing_queues(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Vec<String>> {
    match QueueAdapter::of(config)? {
        QueueAdapter::Sqlite(_) => {
            let file = Database::open_url_read_only(config.queue.url.expose()).await?;
            let pending = SqliteQueue::pending(file.as_ref()).await;
            close(file).await;
            Ok(pending?)
        }
        QueueAdapter::RabbitMq(options) => {
            let queue = RabbitQueue::open_read_only(*options, clock).await?;
            let missing = queue.missing();
            queue.close().await;
            Ok(missing)
        }
    }
}

/// What connecting the store for work would make, by name.
pub(crate) async fn missing_tables(config: &Config) -> anyhow::Result<Vec<String>> {
    match StoreAdapter::of(config)? {
        StoreAdapter::Sqlite => {
            let file = Database::open_url_read_only(config.store.url.expose()).await?;
            let pending = SqliteStore::pending(file.as_ref()).await;
            close(file).await;
            Ok(pending?)
        }
        StoreAdapter::Mysql(options) => Ok(MysqlStore::pending(&options).await?),
    }
}

/// Whether the queues that exist are as connecting for work would make them; the error says all that differs, and what to do.
pub async fn check_arguments(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let QueueAdapter::RabbitMq(options) = QueueAdapter::of(config)? else { return Ok(()) };
    let queue = RabbitQueue::open_read_only(*options, clock).await?;
    let differences = queue.differences().await;
    queue.close().await;
    let differences = differences?;
    if !differences.is_empty() {
        bail!("{}", differences.join(". "));
    }
    Ok(())
}

async fn close(file: Option<Database>) {
    if let Some(file) = file {
        file.close().await;
    }
}

/// Whether queue or store at `url` could be written, as far as that can be told without doing it. Servers are asked when
/// they are used.
pub fn check_writable(url: &SecretUrl) -> anyhow::Result<()> {
    if file_of(url).is_some() {
        Database::check_writable(url.expose())?;
    }
    Ok(())
}

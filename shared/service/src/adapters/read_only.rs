//! What is there, and what could be made, without making it.

use std::sync::Arc;

use anyhow::bail;
use config::{Config, SecretUrl};
use mysql::MysqlStore;
use ports::Clock;
use rabbitmq::RabbitQueue;
use sqlite::{Database, SqliteQueue, SqliteStore};

use super::{mysql_options, rabbit_options};

/// What connecting the queue for work would make, by name.
pub(crate) async fn missing_queues(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Vec<String>> {
    let url = &config.queue.url;
    match url.scheme().as_str() {
        "sqlite" => {
            let file = Database::open_url_read_only(url.expose()).await?;
            let pending = SqliteQueue::pending(file.as_ref()).await;
            close(file).await;
            Ok(pending?)
        }
        "amqp" | "amqps" => {
            let queue = RabbitQueue::open_read_only(rabbit_options(config)?, clock).await?;
            let missing = queue.missing();
            queue.close().await;
            Ok(missing)
        }
        scheme => bail!("no adapter for queue.url {scheme}:"),
    }
}

/// What connecting the store for work would make, by name.
pub(crate) async fn missing_tables(config: &Config) -> anyhow::Result<Vec<String>> {
    let url = &config.store.url;
    match url.scheme().as_str() {
        "sqlite" => {
            let file = Database::open_url_read_only(url.expose()).await?;
            let pending = SqliteStore::pending(file.as_ref()).await;
            close(file).await;
            Ok(pending?)
        }
        "mysql" => Ok(MysqlStore::pending(&mysql_options(config)?).await?),
        scheme => bail!("no adapter for store.url {scheme}:"),
    }
}

async fn close(file: Option<Database>) {
    if let Some(file) = file {
        file.close().await;
    }
}

/// Whether queue or store at `url` could be written, as far as that can be told without doing it. Servers are asked when
/// they are used.
pub fn check_writable(url: &SecretUrl) -> anyhow::Result<()> {
    match url.scheme().as_str() {
        "sqlite" => Ok(Database::check_writable(url.expose())?),
        _ => Ok(()),
    }
}

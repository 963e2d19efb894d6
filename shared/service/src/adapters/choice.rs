//! Which adapters the URLs of queue and store choose, and how those are set up.

use anyhow::bail;
use config::Config;
use sqlite::QueueOptions;

/// The adapter for `queue.url`.
pub(super) enum QueueAdapter {
    Sqlite(QueueOptions),
    RabbitMq(Box<rabbitmq::Options>),
}

/// The adapter for `store.url`.
pub(super) enum StoreAdapter {
    Sqlite,
    Mysql(Box<mysql::Options>),
}

impl QueueAdapter {
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let Config { queue, archive, .. } = config;
        Ok(match queue.url.scheme().as_str() {
            "sqlite" => Self::Sqlite(QueueOptions {
                lease: queue.lease,
                delivery_limit: queue.delivery_limit,
                archive_keep: archive.keep,
                archive_max_bytes: archive.max_size,
            }),
            "amqp" | "amqps" => {
                let url = queue.url.expose();
                let mut options = rabbitmq::Options::from_url(url).map_err(anyhow::Error::msg)?;
                options.prefix.clone_from(&queue.prefix);
                options.delivery_limit = queue.delivery_limit;
                options.retry_delays.clone_from(&config.retry.delays);
                options.queue_max_bytes = Some(queue.max_size);
                options.archive_keep = archive.keep;
                options.archive_max_bytes = archive.max_size;
                let ca_file = &queue.ca_file;
                options.ca_file = (!ca_file.as_os_str().is_empty()).then(|| ca_file.clone());
                Self::RabbitMq(Box::new(options))
            }
            scheme => bail!("no adapter for queue.url {scheme}:"),
        })
    }
}

impl StoreAdapter {
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let store = &config.store;
        Ok(match store.url.scheme().as_str() {
            "sqlite" => Self::Sqlite,
            "mysql" => {
                let mut options = mysql::Options::new(store.url.expose())?;
                options.max_connections = store.connections;
                options.statement_timeout = store.timeout;
                Self::Mysql(Box::new(options))
            }
            scheme => bail!("no adapter for store.url {scheme}:"),
        })
    }
}

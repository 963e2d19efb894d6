//! The one place that knows which adapters exist: the schemes of two URLs choose among them.

mod choice;
mod read_only;
mod set_aside;
mod url;

use std::sync::Arc;

use anyhow::Context;
use config::{Config, SecretUrl};
use mysql::{MysqlStore, MysqlTable};
use ports::{
    Archive, Browse, Clock, Desk, Drops, Leadership, Ledger, LegacyTable, Letters, Outbox, Processes, Proofs,
    Queue, Quotes, Schedules, Silences, Store,
};
use rabbitmq::RabbitQueue;
use sqlite::{Database, SqliteQueue, SqliteStore};
use tokio::sync::Mutex;

use crate::usage::Usage;
use choice::{QueueAdapter, StoreAdapter};
pub use read_only::{check_arguments, check_writable};
pub(crate) use read_only::{missing_queues, missing_tables};
pub use set_aside::{SetAside, set_aside};
pub(crate) use url::check_urls;
pub use url::{file_of, place};

/// What `queue.url` gives.
#[derive(Clone)]
pub struct Queues {
    /// Work queues.
    pub queue: Arc<dyn Queue>,
    /// Archive of raw pages.
    pub archive: Arc<dyn Archive>,
    /// Which fetcher schedules.
    pub leadership: Arc<dyn Leadership>,
}

/// What `store.url` gives.
#[derive(Clone)]
pub struct Stores {
    /// Write side of the tables.
    pub store: Arc<dyn Store>,
    /// Taking batches out of the tables.
    pub drops: Arc<dyn Drops>,
    /// What the tables hold, without the numbers.
    pub proofs: Arc<dyn Proofs>,
    /// Ledger of batches.
    pub ledger: Arc<dyn Ledger>,
    /// What was due.
    pub schedules: Arc<dyn Schedules>,
    /// Read side of the tables.
    pub quotes: Arc<dyn Quotes>,
    /// Looking at the quotes.
    pub browse: Arc<dyn Browse>,
    /// Dead-letter desk.
    pub letters: Arc<dyn Letters>,
    /// The operator's side of it.
    pub desk: Arc<dyn Desk>,
    /// Mails to send.
    pub outbox: Arc<dyn Outbox>,
    /// Groups that nobody is mailed about.
    pub silences: Arc<dyn Silences>,
    /// Who runs.
    pub processes: Arc<dyn Processes>,
}

impl Stores {
    /// All sides of one store.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: Store
            + Browse
            + Desk
            + Drops
            + Proofs
            + Ledger
            + Schedules
            + Quotes
            + Letters
            + Outbox
            + Silences
            + Processes,
    {
        Self {
            desk: store.clone(),
            drops: store.clone(),
            proofs: store.clone(),
            ledger: store.clone(),
            schedules: store.clone(),
            quotes: store.clone(),
            browse: store.clone(),
            letters: store.clone(),
            outbox: store.clone(),
            silences: store.clone(),
            processes: store.clone(),
            store,
        }
    }
}

/// What a command is about to do with queue and store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read what is there. Nothing is created, changed or migrated.
    ReadOnly,
    /// Read and write. What is missing is created.
    Work,
}

/// What a process has open, so that it can be closed when the process ends.
#[derive(Default)]
pub(crate) struct Connections {
    files: Mutex<Vec<Database>>,
    servers: Mutex<Vec<Server>>,
}

/// A connection to a server. It may not be established: a server that is away is waited for.
enum Server {
    Rabbit(Arc<RabbitQueue>),
    Mysql(Arc<MysqlStore>),
    Table(Arc<MysqlTable>),
}

impl Connections {
    /// Connects the queue; `None` when it is opened read-only and does not exist yet.
    pub(crate) async fn queues(
        &self,
        config: &Config,
        clock: Arc<dyn Clock>,
        access: Access,
    ) -> anyhow::Result<Option<Queues>> {
        match QueueAdapter::of(config)? {
            QueueAdapter::Sqlite(options) => {
                let url = &config.queue.url;
                let Some(file) = self.file(url, "queue.url", access).await? else { return Ok(None) };
                let queue = match access {
                    Access::Work => Some(SqliteQueue::open(file, options, clock).await?),
                    Access::ReadOnly => SqliteQueue::open_read_only(file, options, clock).await?,
                };
                Ok(queue.map(Arc::new).map(|queue| Queues {
                    archive: queue.clone(),
                    leadership: queue.clone(),
                    queue,
                }))
            }
            QueueAdapter::RabbitMq(options) => {
                let queue = Arc::new(match access {
                    Access::Work => RabbitQueue::new(*options, clock)?,
                    Access::ReadOnly => RabbitQueue::open_read_only(*options, clock).await?,
                });
                self.servers.lock().await.push(Server::Rabbit(queue.clone()));
                Ok(queue.any_exists().then(|| Queues {
                    archive: queue.clone(),
                    leadership: queue.clone(),
                    queue,
                }))
            }
        }
    }

    /// Connects the store; `None` when it is opened read-only and does not exist yet.
    pub(crate) async fn stores(
        &self,
        config: &Config,
        clock: Arc<dyn Clock>,
        access: Access,
    ) -> anyhow::Result<Option<Stores>> {
        match StoreAdapter::of(config)? {
            StoreAdapter::Sqlite => {
                let url = &config.store.url;
                let Some(file) = self.file(url, "store.url", access).await? else { return Ok(None) };
                let store = match access {
                    Access::Work => Some(SqliteStore::open(file, clock).await?),
                    Access::ReadOnly => SqliteStore::open_read_only(file, clock).await?,
                };
                Ok(store.map(Arc::new).map(Stores::of))
            }
            StoreAdapter::Mysql(options) => {
                let store = match access {
                    Access::Work => Some(MysqlStore::open(&options, clock).await?),
                    Access::ReadOnly => MysqlStore::open_read_only(&options, clock).await?,
                };
                let Some(store) = store.map(Arc::new) else { return Ok(None) };
                self.servers.lock().await.push(Server::Mysql(store.clone()));
                Ok(Some(Stores::of(store)))
            }
        }
    }

    /// Connects to the table `name`, which somebody else made.
    pub(crate) async fn source_table(
        &self,
        config: &Config,
        name: &str,
    ) -> anyhow::Result<Arc<dyn LegacyTable>> {
        let url = if config.import.url.is_empty() { &config.store.url } else { &config.import.url };
        if url.scheme() != "mysql" {
            return Err(Usage("no database to import from; set COINPIPE__IMPORT__URL".to_owned()).into());
        }
        let mut options = mysql::Options::new(url.expose())?;
        options.max_connections = 1;
        options.statement_timeout = config.store.timeout;
        let table = Arc::new(MysqlTable::open(&options, name).await?);
        self.servers.lock().await.push(Server::Table(table.clone()));
        Ok(table)
    }

    /// Queue and store may be one file, which is opened once: its writers take turns without polling.
    async fn file(&self, url: &SecretUrl, key: &str, access: Access) -> anyhow::Result<Option<Database>> {
        let opened = match access {
            Access::Work => Database::open_url(url.expose()).await.map(Some),
            Access::ReadOnly => Database::open_url_read_only(url.expose()).await,
        };
        let opened = opened.with_context(|| format!("cannot open {key} {url}"))?;
        let Some(database) = opened else { return Ok(None) };
        let mut files = self.files.lock().await;
        if let Some(open) = files.iter().find(|open| open.path() == database.path()) {
            database.close().await;
            return Ok(Some(open.clone()));
        }
        files.push(database.clone());
        Ok(Some(database))
    }

    /// Closes everything, which makes each SQLite file whole without a journal beside it.
    pub(crate) async fn close(&self) {
        for server in self.servers.lock().await.drain(..) {
            match server {
                Server::Rabbit(queue) => queue.close().await,
                Server::Mysql(store) => store.close().await,
                Server::Table(table) => table.close().await,
            }
        }
        for file in self.files.lock().await.drain(..) {
            file.close().await;
        }
    }
}

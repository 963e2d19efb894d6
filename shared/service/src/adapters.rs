//! The one place that knows which adapters exist: a `match` on the scheme of two URLs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use config::{Config, SecretUrl};
use ports::{Archive, Clock, Ledger, Letters, Outbox, Queue, Quotes, Store};
use sqlite::{Database, QueueOptions, SqliteQueue, SqliteStore};

use crate::Usage;

/// The ports, connected. Each stage takes only those it needs.
#[derive(Clone)]
pub struct Adapters {
    /// Work queues.
    pub queue: Arc<dyn Queue>,
    /// Archive of raw pages.
    pub archive: Arc<dyn Archive>,
    /// Write side of the tables.
    pub store: Arc<dyn Store>,
    /// Ledger of batches.
    pub ledger: Arc<dyn Ledger>,
    /// Read side of the tables.
    pub quotes: Arc<dyn Quotes>,
    /// Dead-letter desk.
    pub letters: Arc<dyn Letters>,
    /// Mails to send.
    pub outbox: Arc<dyn Outbox>,
}

/// Connects queue and store, creating and migrating what is missing.
pub async fn open_queue_and_store(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Adapters> {
    let queue_url = &config.queue.url;
    let store_url = &config.store.url;
    for (key, url) in [("queue.url", queue_url), ("store.url", store_url)] {
        if url.scheme() == "sqlite" {
            sqlite::file_of_url(url.expose()).map_err(|error| Usage(format!("{key}: {error}")))?;
        }
    }
    match (queue_url.scheme().as_str(), store_url.scheme().as_str()) {
        ("sqlite", "sqlite") => {
            let store_file = open_sqlite(store_url, "store.url").await?;
            let queue_file = if queue_url == store_url {
                store_file.clone()
            } else {
                open_sqlite(queue_url, "queue.url").await?
            };
            let options = QueueOptions {
                lease: config.queue.lease,
                delivery_limit: config.queue.delivery_limit,
                archive_keep: config.archive.keep,
                archive_max_bytes: config.archive.max_size,
            };
            let queue = Arc::new(SqliteQueue::open(queue_file, options, Arc::clone(&clock)).await?);
            let store = Arc::new(SqliteStore::open(store_file, clock).await?);
            Ok(Adapters {
                archive: queue.clone(),
                queue,
                ledger: store.clone(),
                quotes: store.clone(),
                letters: store.clone(),
                outbox: store.clone(),
                store,
            })
        }
        (queue, store) => bail!("no adapters for queue.url {queue}: with store.url {store}:"),
    }
}

async fn open_sqlite(url: &SecretUrl, key: &str) -> anyhow::Result<Database> {
    Database::open_url(url.expose()).await.with_context(|| format!("cannot open {key} {url}"))
}

/// The file behind a SQLite URL; `None` for a server.
pub fn file_of(url: &SecretUrl) -> Option<PathBuf> {
    sqlite::file_of_url(url.expose()).ok()
}

/// Where a URL's tables or messages are, for people: the whole path of a file, or the URL without its
/// password.
pub fn place(url: &SecretUrl) -> String {
    match file_of(url) {
        Some(path) => std::path::absolute(&path).as_deref().unwrap_or(Path::new(&path)).display().to_string(),
        None => url.to_string(),
    }
}

/// Renames the SQLite files of queue and store to `NAME.simulated-TIME.db`; returns the old and the new path
/// of each. All or nothing: when another process has one of them open, none is renamed.
pub async fn set_aside(config: &Config, now: DateTime<Utc>) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    // The queue first: a crash in between leaves a store that is still recognised as simulated.
    let mut files = Vec::new();
    for url in [&config.queue.url, &config.store.url] {
        if let Some(path) = file_of(url).filter(|path| path.exists() && !files.contains(path)) {
            let database = Database::open_url(url.expose()).await?;
            let closed = database.close_alone().await;
            closed.with_context(|| {
                format!("{} holds simulated data and cannot be moved aside", path.display())
            })?;
            files.push(path);
        }
    }
    let mut moved = Vec::new();
    for path in files {
        let target = path.with_extension(format!("simulated-{}.db", now.format("%Y%m%dT%H%M%SZ")));
        std::fs::rename(&path, &target)
            .with_context(|| format!("cannot rename {} to {}", path.display(), target.display()))?;
        moved.push((path, target));
    }
    Ok(moved)
}

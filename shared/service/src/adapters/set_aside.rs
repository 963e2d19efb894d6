//! Moving simulated data out of the way of real data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use config::Config;
use domain::wire::{self, UnreadMessage};
use domain::{Message, QueueName, header};
use ports::Clock;
use sqlite::{Database, QueueOptions, SqliteQueue};

use super::choice::QueueAdapter;
use super::url::file_of;

/// What was moved out of the way.
#[derive(Debug)]
pub struct SetAside {
    /// The old and the new path of each file.
    pub moved: Vec<(PathBuf, PathBuf)>,
    /// How many messages of real data waited in the file of the queue. They wait in the new one.
    pub kept: u64,
}

/// Renames the SQLite files of queue and store to `NAME.simulated-TIME.db`. When another process has one of them open, none is renamed.
/// Real pages and rows that wait in the queue were paid for: they go on in a new file of its name.
pub async fn set_aside(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<SetAside> {
    let now = clock.now();
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
    let queue = file_of(&config.queue.url);
    let mut aside = SetAside { moved: Vec::new(), kept: 0 };
    for path in files {
        let target = beside(&path, "simulated", now);
        let rest = match QueueAdapter::of(config)? {
            QueueAdapter::Sqlite(options) if queue.as_ref() == Some(&path) => {
                rest_of_queue(&path, options, Arc::clone(&clock)).await?
            }
            _ => None,
        };
        match rest {
            Some((rest, kept)) => {
                put_in_place(&rest, &path, &target)?;
                aside.kept += kept;
            }
            None => rename(&path, &target)?,
        }
        aside.moved.push((path, target));
    }
    Ok(aside)
}

fn beside(path: &Path, what: &str, now: DateTime<Utc>) -> PathBuf {
    path.with_extension(format!("{what}-{}.db", now.format("%Y%m%dT%H%M%SZ")))
}

fn rename(path: &Path, target: &Path) -> anyhow::Result<()> {
    std::fs::rename(path, target)
        .with_context(|| format!("cannot rename {} to {}", path.display(), target.display()))
}

/// `path` is called `target` from now on, and what `rest` was has its name. Where the file system has links there is no moment without a
/// file of that name.
fn put_in_place(rest: &Path, path: &Path, target: &Path) -> anyhow::Result<()> {
    if std::fs::hard_link(path, target).is_err() {
        rename(path, target)?;
    }
    rename(rest, path)
}

/// A new file with the real messages that wait in the queue at `path`, and their number; `None` when there are none.
async fn rest_of_queue(
    path: &Path,
    options: QueueOptions,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<(PathBuf, u64)>> {
    let rest = beside(path, "real", clock.now());
    let (from, to) = (Database::open(path).await?, Database::open(&rest).await?);
    let kept = async {
        let old = SqliteQueue::open(from.clone(), options, Arc::clone(&clock)).await?;
        let new = SqliteQueue::open(to.clone(), options, clock).await?;
        anyhow::Ok(new.take_over(&old, is_real).await?)
    };
    let kept = kept.await;
    let closed = from.close_alone().await;
    to.close_alone().await?;
    closed.with_context(|| format!("{} holds simulated data and cannot be moved aside", path.display()))?;
    let kept = kept.with_context(|| format!("cannot keep the real pages that wait in {}", path.display()))?;
    if kept == 0 {
        std::fs::remove_file(&rest).with_context(|| format!("cannot remove {}", rest.display()))?;
        return Ok(None);
    }
    Ok(Some((rest, kept)))
}

/// Whether a message is about data that nobody made up. Letters stay with what they are about, unless they say that this is real.
fn is_real(queue: QueueName, message: &Message) -> bool {
    let says = |text| message.headers.get(header::SIMULATED) == Some(text);
    match queue {
        QueueName::Raw => !says("true"),
        QueueName::Dead => says("false"),
        QueueName::Rows => match wire::open(&message.body) {
            Ok(UnreadMessage::Chunk(chunk)) => !chunk.head().page.simulated,
            Ok(UnreadMessage::Market(chunk)) => !chunk.head.page.simulated,
            Ok(UnreadMessage::Fetched(fetched)) => !fetched.simulated,
            Ok(UnreadMessage::Schedule(schedule)) => !schedule.simulated,
            Err(_) => says("false"),
        },
    }
}

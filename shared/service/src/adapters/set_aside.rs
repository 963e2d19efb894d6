//! Moving simulated data out of the way of real data.

use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, Utc};
use config::Config;
use sqlite::Database;

use super::url::file_of;

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

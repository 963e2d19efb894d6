//! Files in the place of the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{Archive, ArchiveRange, Archived, QueueError};
use service::Usage;

use super::page_file;

/// Pages in files, in the order of their paths. The position of a page is the number of its file, from 1.
#[derive(Debug)]
pub(crate) struct PageFiles {
    paths: Vec<PathBuf>,
    /// Files that hold no page, and why. Some are read twice.
    bad: Mutex<BTreeMap<PathBuf, String>>,
}

impl PageFiles {
    /// The files that `patterns` name: files, folders (what looks like JSON in them), or patterns with `*`, `?` and `**`.
    pub(crate) fn find(patterns: &[String]) -> Result<Self, Usage> {
        let mut paths = BTreeSet::new();
        for pattern in patterns {
            let wrong = |what: &dyn std::fmt::Display| Usage(format!("--files {pattern}: {what}"));
            let path = Path::new(pattern);
            let pattern = if path.is_dir() {
                format!("{}/*.json*", glob::Pattern::escape(pattern))
            } else if path.exists() {
                glob::Pattern::escape(pattern)
            } else {
                pattern.clone()
            };
            let before = paths.len();
            for path in glob::glob(&pattern).map_err(|error| wrong(&error))? {
                paths.insert(path.map_err(|error| wrong(&error))?);
            }
            if paths.len() == before {
                return Err(wrong(&"there are no such files"));
            }
        }
        Ok(Self { paths: paths.into_iter().collect(), bad: Mutex::default() })
    }

    /// What was found in files that hold no page.
    pub(crate) fn bad(&self) -> Vec<String> {
        let bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        bad.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect()
    }
}

fn read(path: &Path) -> anyhow::Result<Message> {
    page_file::read(std::fs::File::open(path).context("cannot read it")?)
}

#[async_trait]
impl Archive for PageFiles {
    /// All of them: a file does not tell its time by its name.
    async fn range(&self, _since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
        Ok(ArchiveRange { after: 0, end: self.paths.len() as u64 })
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        let mut pages = Vec::new();
        for (path, position) in self.paths.iter().zip(1..) {
            if position <= after || pages.len() >= limit as usize {
                continue;
            }
            match tokio::task::block_in_place(|| read(path)) {
                Ok(message) => pages.push(Archived { position, message }),
                Err(error) => {
                    let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
                    bad.insert(path.clone(), format!("{error:#}"));
                }
            }
        }
        Ok(pages)
    }
}

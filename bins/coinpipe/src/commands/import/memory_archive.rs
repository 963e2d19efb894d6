//! Pages in memory in the place of the archive.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use ports::{Archive, ArchiveRange, Archived, QueueError};

/// Pages, each at the position of its number from 1.
#[derive(Debug)]
pub(super) struct MemoryArchive(Vec<Message>);

impl MemoryArchive {
    pub(super) fn new(pages: Vec<Message>) -> Self {
        Self(pages)
    }
}

#[async_trait]
impl Archive for MemoryArchive {
    async fn range(&self, _since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
        Ok(ArchiveRange { after: 0, end: self.0.len() as u64 })
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        let pages =
            self.0.iter().zip(1..).map(|(page, position)| Archived { position, message: page.clone() });
        let wanted = pages.filter(|page| page.position > after).take(limit as usize);
        Ok(wanted.collect())
    }
}

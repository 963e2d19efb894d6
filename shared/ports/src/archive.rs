//! The archive port: the raw pages as they were fetched, for replays.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;

use crate::queue::QueueError;

/// A page in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Where it stands; grows with time, and reading can go on after it.
    pub position: u64,
    /// The message as it was published.
    pub message: Message,
}

/// A part of the archive, from where it is read to where it ended when somebody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveRange {
    /// The position that its first page comes after: what [`Archive::read`] takes.
    pub after: u64,
    /// The position of its last page; `after` when it has none.
    pub end: u64,
}

/// The archive of raw pages, as they were fetched, for as long as the retention says.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// The range with every page that was archived at or after `since` (with all when `None`), as far as the
    /// archive goes now. A few older pages may be in it: brokers know the time of whole blocks only.
    async fn range(&self, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError>;

    /// Up to `limit` pages after position `after` (0: from the start), oldest first. Reading removes
    /// nothing. Empty when there are no more. A page is there once, but for an accident: archives that older versions
    /// filled, or a crash of a broker, may have it twice. One call returns an id once, two calls may both return it.
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError>;
}

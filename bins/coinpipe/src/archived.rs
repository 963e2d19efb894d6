//! Reading the archive a few pages at a time.

use ports::{Archive, Archived, QueueError};

/// Pages read at a time; they have a megabyte each.
const PAGES: u32 = 4;

/// The next pages after `position`; none at the end of the archive.
pub(crate) async fn read(archive: &dyn Archive, position: u64) -> Result<Vec<Archived>, QueueError> {
    archive.read(position, PAGES).await
}

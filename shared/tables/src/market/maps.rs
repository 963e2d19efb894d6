//! Which maps are whole: what tells a coin that vanished from one that did not come.

use domain::{BatchId, MarketKind};
use ports::BatchRecord;

use crate::write::Parameter;

/// Puts a map on the list of those that are whole; for [`listed`]. What follows says that one which is there stays.
pub const LIST: &str = "INSERT INTO complete_maps (batch_id, slot) VALUES (?, ?)";

/// Takes a map off the list; binds its batch.
pub const UNLIST: &str = "DELETE FROM complete_maps WHERE batch_id = ?";

/// Whether `batch` is of a map, so that it matters whether it is whole.
pub fn is_map(batch: &BatchId) -> bool {
    MarketKind::of_endpoint(batch.endpoint()) == Some(MarketKind::Map)
}

/// Whether all of a map is known to be in the tables: it was announced, nothing is missing, and its fetcher had no doubt about
/// that.
pub fn is_whole(record: &BatchRecord) -> bool {
    record.fetched_at.is_some() && record.is_complete() && !record.lacks_coins()
}

/// For [`LIST`].
pub fn listed(record: &BatchRecord) -> [Parameter<'_>; 2] {
    [record.id.as_str().into(), record.slot.starts_at().into()]
}

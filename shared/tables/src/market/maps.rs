//! Which maps are whole: what tells a coin that vanished from one that did not come.

use domain::{BatchId, MarketKind};
use ports::BatchRecord;

use super::statements::Sql;

/// Whether `batch` is of a map, so that it matters whether it is whole.
pub fn is_map(batch: &BatchId) -> bool {
    MarketKind::of_endpoint(batch.endpoint()) == Some(MarketKind::Map)
}

/// Notes whether the map `batch` is whole, by its `record` in the ledger.
pub fn note<'a>(batch: &'a BatchId, record: Option<&'a BatchRecord>) -> Sql<'a> {
    match record.filter(|record| is_whole(record)) {
        Some(whole) => Sql {
            text: "REPLACE INTO complete_maps (batch_id, slot) VALUES (?, ?)".to_owned(),
            values: vec![whole.id.as_str().into(), whole.slot.starts_at().into()],
        },
        None => Sql {
            text: "DELETE FROM complete_maps WHERE batch_id = ?".to_owned(),
            values: vec![batch.as_str().into()],
        },
    }
}

/// Whether all of a map is known to be in the tables: it was announced, nothing is missing, nobody took it out, and its fetcher had no
/// doubt about that.
fn is_whole(record: &BatchRecord) -> bool {
    record.fetched_at.is_some() && record.dropped.is_none() && record.is_complete() && !record.lacks_coins()
}

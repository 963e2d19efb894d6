//! Which batches are shown: some snapshots, and the newest of each kind of the market.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::MarketKind;
use ports::store::BatchRecord;

/// How many snapshots are shown.
const SNAPSHOTS: u32 = 5;
/// Batches that are read at most.
const MOST: u128 = 2100;
/// Batches that somebody may have taken by hand among the newest.
const BY_HAND: u128 = 20;

/// How many of the newest batches are read to find those that are shown, when one is due in each of `intervals`, the first of which
/// is that of snapshots.
pub(super) fn to_read(intervals: &[Duration]) -> u32 {
    let snapshots = intervals.first().map_or(Duration::ZERO, |every| *every * SNAPSHOTS);
    // Of each kind one at least.
    let span = intervals.iter().copied().chain([snapshots]).max().unwrap_or_default();
    let due: u128 =
        intervals.iter().map(|every| span.as_millis().div_ceil(every.as_millis().max(1)) + 1).sum();
    u32::try_from((due + BY_HAND).min(MOST)).unwrap_or(u32::MAX)
}

/// Whether `batch` is of what is fetched beside the listings.
pub(super) fn is_of_kind(batch: &BatchRecord) -> bool {
    MarketKind::of_endpoint(&batch.endpoint).is_some()
}

/// Of `batches`, newest first, those that are shown.
pub(super) fn of(batches: Vec<BatchRecord>) -> Vec<BatchRecord> {
    let mut snapshots = 0;
    let mut kinds = BTreeSet::new();
    let mut is_shown = |batch: &BatchRecord| {
        if is_of_kind(batch) {
            return kinds.insert(batch.endpoint.clone());
        }
        snapshots += 1;
        snapshots <= SNAPSHOTS
    };
    batches.into_iter().filter(|batch| is_shown(batch)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_read_as_can_hold_what_is_shown() {
        let read =
            |minutes: &[u64]| to_read(&minutes.iter().copied().map(Duration::from_mins).collect::<Vec<_>>());
        assert_eq!(read(&[60]), 26);
        // The map of a day ago, beside an index each five minutes.
        assert_eq!(read(&[60, 1440, 5]), 25 + 2 + 289 + 20);
        assert_eq!(read(&[1440, 5]), 6 + 1441 + 20);
        assert_eq!(read(&[14_400, 5]), 2100);
    }
}

//! Batches that were paid for, so that they are not paid for again while they are on their way to the tables.

use std::collections::BTreeSet;

use domain::BatchId;

/// More are not remembered: a month of hours is 720.
const MOST: usize = 10_000;

/// What is kept in the spool about `batches`; of too many the newest.
pub(crate) fn paid_to_json(batches: &BTreeSet<BatchId>) -> Vec<u8> {
    let surplus = batches.len().saturating_sub(MOST);
    let ids: Vec<_> = batches.iter().skip(surplus).map(BatchId::as_str).collect();
    serde_json::to_vec(&ids).expect("texts are JSON")
}

/// The batches that `json` is of; none when it makes no sense.
pub(crate) fn paid_from_json(json: &[u8]) -> BTreeSet<BatchId> {
    let ids: Vec<String> = serde_json::from_slice(json).unwrap_or_default();
    ids.into_iter().map(BatchId::from_stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_paid_for_is_read_back_and_nonsense_is_nothing() {
        let batches = BTreeSet::from([BatchId::from_stored("a"), BatchId::from_stored("b")]);
        assert_eq!(paid_from_json(&paid_to_json(&batches)), batches);
        assert_eq!(paid_from_json(b"[1]"), BTreeSet::new());
    }
}

//! What the ledger and the history say of batches that the archive does not have.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Slot, timestamp};
use ports::store::{BatchRecord, Missing};
use service::Stores;

use super::findings::{Part, Verified, Wrong};
use crate::selection::Selection;

/// Adds to `verified` the batches of `selection` that the archive does not have and of which a part is missing, and those of which the
/// history has quotes and the ledger knows nothing.
pub(super) async fn compare(
    stores: &Stores,
    selection: &Selection,
    now: DateTime<Utc>,
    verified: &mut Verified,
) -> anyhow::Result<()> {
    let records = stores.ledger.batches(u32::MAX).await?;
    let wanted = |record: &&BatchRecord| selection.wants_batch(&record.id, record.slot);
    for record in records.iter().filter(wanted).filter(|record| record.dropped.is_none()) {
        for missing in &record.missing {
            let is_noted = verified.archived.contains(&record.id) && verified.has_found(&record.id);
            if !is_noted {
                verified.note(Part::of(&record.id, *missing), Wrong::NotLoaded);
            }
        }
        if record.is_complete() && !verified.archived.contains(&record.id) {
            verified.unproved += 1;
        }
    }
    let lines = |record: &&BatchRecord| record.loads > 0 || record.dropped.is_some();
    let known: BTreeSet<&BatchId> = records.iter().filter(lines).map(|record| &record.id).collect();
    let first = records.iter().map(|record| record.slot.starts_at()).min();
    for (from, to) in days(first, now) {
        for (batch, quotes) in stores.proofs.quotes_by_batch(from, to).await? {
            let slot = batch.as_str().split('/').next().and_then(timestamp::from_text).map(Slot::at);
            let is_wanted = slot.is_some_and(|slot| selection.wants_batch(&batch, slot));
            if is_wanted && !known.contains(&batch) && !verified.has_found(&batch) {
                let part = Part { batch, page: None, chunk: None };
                verified.note(part, Wrong::Unknown { quotes });
            }
        }
    }
    Ok(())
}

/// All time up to tomorrow, a day at a time since the day before `first`.
fn days(first: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let (day, ends) = (TimeDelta::days(1), now + TimeDelta::days(1));
    let mut begins = first.unwrap_or(now) - day;
    let mut days = vec![(DateTime::UNIX_EPOCH, begins)];
    while begins < ends {
        days.push((begins, (begins + day).min(ends)));
        begins += day;
    }
    days
}

/// Whether `missing` has all of `page`, or its chunk `chunk`.
pub(super) fn lacks(missing: &[Missing], page: u32, chunk: u32) -> bool {
    missing.iter().any(|part| match *part {
        Missing::Page(number) => number == page,
        Missing::Chunk { page: number, chunk: lacking, .. } => (number, lacking) == (page, chunk),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_cover_all_time_without_a_hole() {
        let now = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        for first in [None, Some(now - TimeDelta::days(3)), Some(now + TimeDelta::days(3))] {
            let days = days(first, now);
            assert!(days.windows(2).all(|pair| pair[0].1 == pair[1].0), "{days:?}");
            assert!(days.last().is_some_and(|(_, to)| *to > now), "{days:?}");
        }
    }
}

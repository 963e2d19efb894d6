//! What the ledger and the history say of batches that the archive does not have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Slot, timestamp};
use ports::store::{BatchRecord, Missing};
use service::Stores;

use super::findings::{Part, Verified, Wrong};
use crate::ledger_pages::LedgerPages;
use crate::selection::Selection;

/// Adds to `verified` the batches of `selection` that the archive does not have and of which a part is missing, those of which the
/// history has quotes and the ledger knows nothing, and those that were dropped and are not out of the tables.
pub(super) async fn compare(
    stores: &Stores,
    selection: &Selection,
    now: DateTime<Utc>,
    verified: &mut Verified,
) -> anyhow::Result<()> {
    let Known { loaded, dropped, mut not_out, first } = known(stores, selection, verified).await?;
    let mut unknown: BTreeMap<BatchId, u64> = BTreeMap::new();
    for (from, to) in days(first, now) {
        for (batch, quotes) in stores.proofs.quotes_by_batch(from, to).await? {
            let slot = batch.as_str().split('/').next().and_then(timestamp::from_text).map(Slot::at);
            if dropped.contains(&batch) {
                *not_out.entry(batch).or_default() += quotes;
            } else if slot.is_some_and(|slot| selection.wants_batch(&batch, slot)) && !loaded.contains(&batch)
            {
                *unknown.entry(batch).or_default() += quotes;
            }
        }
    }
    for (batch, rows) in stores.proofs.shown_of_dropped().await? {
        if dropped.contains(&batch) {
            *not_out.entry(batch).or_default() += rows;
        }
    }
    for (batch, quotes) in unknown {
        if !verified.has_found(&batch) {
            verified.note(Part { batch, page: None, chunk: None }, Wrong::Unknown { quotes });
        }
    }
    for (batch, rows) in not_out {
        verified.note(Part { batch, page: None, chunk: None }, Wrong::NotOut { rows });
    }
    Ok(())
}

/// What the ledger knows: of each batch little more than its id, for there may be many.
#[derive(Default)]
struct Known {
    /// Those that have lines.
    loaded: BTreeSet<BatchId>,
    /// Those that were dropped and are wanted.
    dropped: BTreeSet<BatchId>,
    /// Those of them that are only half out, and so far no row of each.
    not_out: BTreeMap<BatchId, u64>,
    /// The first slot.
    first: Option<DateTime<Utc>>,
}

/// Goes through the ledger, and adds what it says is missing to `verified`.
async fn known(stores: &Stores, selection: &Selection, verified: &mut Verified) -> anyhow::Result<Known> {
    let mut known = Known::default();
    let mut pages = LedgerPages::of(&*stores.ledger);
    loop {
        let records = pages.next().await?;
        if records.is_empty() {
            return Ok(known);
        }
        for record in records {
            let slot = record.slot.starts_at();
            known.first = Some(known.first.map_or(slot, |first| first.min(slot)));
            let is_wanted = selection.wants_batch(&record.id, record.slot);
            if record.dropped.is_some() {
                if record.is_half_dropped && is_wanted {
                    known.not_out.insert(record.id.clone(), 0);
                }
                if is_wanted {
                    known.dropped.insert(record.id.clone());
                }
                known.loaded.insert(record.id);
                continue;
            }
            if is_wanted {
                note_missing(&record, verified);
            }
            if record.loads > 0 {
                known.loaded.insert(record.id);
            }
        }
    }
}

/// Notes what is missing of a batch that the archive does not have.
fn note_missing(record: &BatchRecord, verified: &mut Verified) {
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

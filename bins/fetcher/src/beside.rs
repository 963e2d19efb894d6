//! What two that fill gaps on one machine see of each other: the fetcher, which catches up, and a person's backfill beside it. Each looks into the
//! other's spool before it pays for a slot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::BatchId;

use crate::history::paid_from_json;
use crate::spool::{PAST_PAID, history_in, unfinished_history_in};

/// Where a backfill keeps what it fetched, below the spool of the fetcher.
const BACKFILL: &str = "backfill";

/// The spool of a backfill beside the fetcher whose spool is in the folder `spool`.
pub(crate) fn backfill_below(spool: &Path) -> PathBuf {
    spool.join(BACKFILL)
}

/// The spool of the fetcher beside the backfill whose spool is in the folder `spool`.
pub(crate) fn fetcher_above(spool: &Path) -> Option<PathBuf> {
    spool.ends_with(BACKFILL).then(|| spool.parent().map(Path::to_owned)).flatten()
}

/// The batches that were paid for by who fills gaps and has its spool in the folder `spool`, and are not known to be in the tables, as far
/// as a look tells.
fn paid_for(spool: &Path) -> BTreeSet<BatchId> {
    std::fs::read(spool.join(PAST_PAID)).map(|json| paid_from_json(&json)).unwrap_or_default()
}

/// The unfinished batches of who fills gaps and has its spool in the folder `spool`, as far as a look tells.
pub fn begun_in(spool: &Path) -> BTreeSet<BatchId> {
    unfinished_history_in(spool)
}

/// The batches that are being paid for, and those that were and are on their way to the tables: what `came` is not any more, although
/// who paid for it remembers it until it is wanted again.
pub fn taken_in(spool: &Path, came: &BTreeSet<BatchId>) -> BTreeSet<BatchId> {
    // In this order: what is finished in between is noted as paid for before it leaves the spool.
    let mut taken = history_in(spool);
    taken.extend(paid_for(spool).into_iter().filter(|batch| !came.contains(batch)));
    taken
}

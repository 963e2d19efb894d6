//! Going through all of the ledger with a few batches at a time in memory: a year of hourly snapshots has half a million lines.

use ports::store::BatchRecord;
use ports::{Ledger, StoreError};

/// Batches that are read together. One of 5,000 coins has fifty lines or so.
const BATCHES: u32 = 100;

/// The batches, newest slot first.
pub(crate) struct LedgerPages<'a> {
    ledger: &'a dyn Ledger,
    /// The last one that was given; `None` before the first.
    last: Option<BatchRecord>,
}

impl<'a> LedgerPages<'a> {
    /// All of `ledger`. A batch that comes meanwhile may be left out.
    pub(crate) fn of(ledger: &'a dyn Ledger) -> Self {
        Self { ledger, last: None }
    }

    /// The next ones; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<BatchRecord>, StoreError> {
        let records = match &self.last {
            None => self.ledger.batches(BATCHES).await?,
            Some(last) => self.ledger.batches_before((last.slot, &last.id), BATCHES).await?,
        };
        if let Some(last) = records.last() {
            self.last = Some(last.clone());
        }
        Ok(records)
    }
}

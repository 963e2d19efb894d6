//! Reading what is there, without the numbers.

use domain::BatchId;
use ports::{LedgerLine, QuoteKey};

use super::ledger;
use crate::row::{Row, Unreadable};

/// The history between two instants, for [`quote`]; binds both.
pub const BETWEEN: &str = "SELECT last_updated, coin_id, currency, fetched_at FROM history \
                           WHERE last_updated >= ? AND last_updated < ?";

/// The history at so many instants, for [`quote`]; binds them.
pub fn at(instants: usize) -> String {
    let places = vec!["?"; instants].join(", ");
    format!(
        "SELECT last_updated, coin_id, currency, fetched_at FROM history WHERE last_updated IN ({places})"
    )
}

/// `quotes_latest`, for [`quote`].
pub const LATEST: &str = "SELECT last_updated, coin_id, currency, fetched_at FROM quotes_latest";

/// How many quotes between two instants name each batch, for [`of_batch`]; binds both.
pub const BY_BATCH: &str = "SELECT b.batch_id AS batch_id, g.quotes AS quotes FROM ( \
        SELECT batch, COUNT(*) AS quotes FROM history WHERE last_updated >= ? AND last_updated < ? GROUP BY batch) AS g \
    JOIN batch_numbers AS b ON b.number = g.batch";

/// A row of a table of quotes.
pub fn quote(row: &dyn Row) -> Result<QuoteKey, Unreadable> {
    Ok(QuoteKey {
        last_updated: row.get("last_updated")?,
        coin_id: row.get("coin_id")?,
        currency: row.get("currency")?,
        fetched_at: row.get("fetched_at")?,
    })
}

/// A row of [`BY_BATCH`].
pub fn of_batch(row: &dyn Row) -> Result<(BatchId, u64), Unreadable> {
    Ok((BatchId::from_stored(row.get::<String>("batch_id")?), row.get("quotes")?))
}

/// A row of the second of [`ledger::statements`].
pub fn line(row: &dyn Row) -> Result<LedgerLine, Unreadable> {
    let (batch, line) = ledger::chunk(row)?;
    Ok(LedgerLine {
        batch,
        page: line.page,
        chunk: line.chunk,
        chunks: line.cut.chunks,
        size: line.cut.size,
        rejected: line.rejected,
    })
}

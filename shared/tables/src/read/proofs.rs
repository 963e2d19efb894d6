//! Reading what is there, without the numbers.

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketKind};
use ports::{LedgerLine, QuoteKey};

use super::ledger;
use crate::columns::CHUNKS;
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// Implements [`ports::Proofs`] for a store with `found()`.
#[macro_export]
macro_rules! proofs_port {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl ports::Proofs for $store {
            async fn quotes_between(
                &self,
                from: chrono::DateTime<chrono::Utc>,
                to: chrono::DateTime<chrono::Utc>,
            ) -> Result<Vec<ports::QuoteKey>, ports::StoreError> {
                use $crate::read::proofs::{BETWEEN, quote};
                self.found((BETWEEN.to_owned(), vec![from.into(), to.into()]), quote).await
            }

            async fn quotes_at(
                &self,
                instants: &[chrono::DateTime<chrono::Utc>],
            ) -> Result<Vec<ports::QuoteKey>, ports::StoreError> {
                let Some(asked) = $crate::read::proofs::at(instants) else { return Ok(Vec::new()) };
                self.found(asked, $crate::read::proofs::quote).await
            }

            async fn latest_quotes(&self) -> Result<Vec<ports::QuoteKey>, ports::StoreError> {
                use $crate::read::proofs::{LATEST, quote};
                self.found((LATEST.to_owned(), Vec::new()), quote).await
            }

            async fn quotes_by_batch(
                &self,
                from: chrono::DateTime<chrono::Utc>,
                to: chrono::DateTime<chrono::Utc>,
            ) -> Result<Vec<(domain::BatchId, u64)>, ports::StoreError> {
                use $crate::read::proofs::{BY_BATCH, of_batch};
                self.found((BY_BATCH.to_owned(), vec![from.into(), to.into()]), of_batch).await
            }

            async fn shown_of_dropped(&self) -> Result<Vec<(domain::BatchId, u64)>, ports::StoreError> {
                let asked = ($crate::read::proofs::shown_of_dropped(), Vec::new());
                self.found(asked, $crate::read::proofs::of_batch).await
            }

            async fn lines_of(
                &self,
                batches: &[domain::BatchId],
            ) -> Result<Vec<ports::LedgerLine>, ports::StoreError> {
                let Some(asked) = $crate::read::proofs::lines(batches) else { return Ok(Vec::new()) };
                self.found(asked, $crate::read::proofs::line).await
            }
        }
    };
}

/// The history between two instants, for [`quote`]; binds both.
pub const BETWEEN: &str = "SELECT last_updated, coin_id, currency, fetched_at FROM history \
                           WHERE last_updated >= ? AND last_updated < ?";

/// `quotes_latest`, for [`quote`].
pub const LATEST: &str = "SELECT last_updated, coin_id, currency, fetched_at FROM quotes_latest";

/// How many quotes between two instants name each batch, for [`of_batch`]; binds both.
pub const BY_BATCH: &str = "SELECT b.batch_id AS batch_id, g.quotes AS quotes FROM ( \
        SELECT batch, COUNT(*) AS quotes FROM history WHERE last_updated >= ? AND last_updated < ? GROUP BY batch) AS g \
    JOIN batch_numbers AS b ON b.number = g.batch";

/// How many rows of the tables that show what is the newest name each batch that was dropped, for [`of_batch`].
pub fn shown_of_dropped() -> String {
    let tables = MarketKind::ALL.map(|kind| kind.description().table);
    let rows =
        ["quotes_latest"].into_iter().chain(tables).map(|table| format!("SELECT batch_id FROM {table}"));
    format!(
        "SELECT s.batch_id AS batch_id, COUNT(*) AS quotes FROM ({}) AS s \
         JOIN batches AS b ON b.id = s.batch_id AND b.dropped_at IS NOT NULL GROUP BY s.batch_id",
        rows.collect::<Vec<_>>().join(" UNION ALL ")
    )
}

/// The history at these instants, for [`quote`], and what to bind; `None` when there are none.
pub fn at(instants: &[DateTime<Utc>]) -> Option<Asked<'_>> {
    let sql = "SELECT last_updated, coin_id, currency, fetched_at FROM history WHERE last_updated";
    among(sql, instants, |at| (*at).into())
}

/// The lines of these batches, for [`line()`], and what to bind; `None` when there are none.
pub fn lines(batches: &[BatchId]) -> Option<Asked<'_>> {
    let sql = format!("SELECT {} FROM batch_chunks WHERE batch_id", CHUNKS.join(", "));
    among(&sql, batches, |batch| batch.as_str().into())
}

/// `sql`, of which the last column is one of `values`. Few shapes, for prepared statements are kept: values are repeated to fill them.
fn among<'a, T>(sql: &str, values: &'a [T], parameter: impl Fn(&'a T) -> Parameter<'a>) -> Option<Asked<'a>> {
    let places = values.len().next_power_of_two();
    let last = values.last()?;
    let filled = values.iter().chain(std::iter::repeat(last)).take(places).map(parameter);
    Some((format!("{sql} IN ({})", vec!["?"; places].join(", ")), filled.collect()))
}

/// A row of a table of quotes.
pub fn quote(row: &dyn Row) -> Result<QuoteKey, Unreadable> {
    Ok(QuoteKey {
        last_updated: row.get("last_updated")?,
        coin_id: row.get("coin_id")?,
        currency: row.get("currency")?,
        fetched_at: row.get("fetched_at")?,
    })
}

/// A row of [`BY_BATCH`], or of [`shown_of_dropped`].
pub fn of_batch(row: &dyn Row) -> Result<(BatchId, u64), Unreadable> {
    Ok((BatchId::from_stored(row.get::<String>("batch_id")?), row.get("quotes")?))
}

/// A row of [`lines`].
pub fn line(row: &dyn Row) -> Result<LedgerLine, Unreadable> {
    let (batch, line) = ledger::chunk(row)?;
    Ok(LedgerLine {
        batch,
        page: line.page,
        chunk: line.chunk,
        chunks: line.cut.chunks,
        size: line.cut.size,
        fetched_at: line.cut.fetched_at,
        rejected: line.rejected,
    })
}

//! The read side of the quotes.

use async_trait::async_trait;
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use tables::{Row as _, coins};

use super::columns::Columns;
use super::{MysqlStore, one};

#[async_trait]
impl Quotes for MysqlStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let rows = self.database.read(sqlx::query(FRESHNESS)).await?;
        one(rows.iter().map(Columns::new).map(coins::freshness)).map_err(|error| self.blame(error))
    }

    /// Counts the history row by row up to a million; what is beyond is as the server estimates it, which
    /// is within a few percent: counting a year of quotes takes longer than anyone waits.
    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM quotes_latest), \
                       (SELECT count(*) FROM (SELECT 1 FROM quotes_history LIMIT 1000000) AS counted), \
                       (SELECT max(table_rows) FROM information_schema.tables \
                        WHERE table_schema = DATABASE() AND table_name = 'quotes_history')";
        let rows = self.database.read(sqlx::query(sql)).await?;
        one(rows.iter().map(Columns::new).map(totals)).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let rows =
            self.database.read(sqlx::query(coins::TOP).bind(currency).bind(currency).bind(limit)).await?;
        rows.iter()
            .map(Columns::new)
            .map(coins::top_coin)
            .collect::<Result<_, _>>()
            .map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let rows = self.database.read(sqlx::query(coins::LISTED).bind(currency).bind(currency)).await?;
        rows.iter()
            .map(Columns::new)
            .map(coins::listed_coin)
            .collect::<Result<_, _>>()
            .map_err(|error| self.blame(error))
    }
}

const COUNTED: u64 = 1_000_000;

/// Looks into indexes; `quotes_latest` has none on these columns, which every snapshot rewrites.
///
/// Loaders of older versions write neither column. The newest quote of theirs is in the history, which alone may be emptied;
/// a snapshot of theirs that was due after the newest fetch was fetched then at the earliest.
pub(super) const FRESHNESS: &str = "SELECT \
    (SELECT MAX(newest_quote_at) FROM batch_chunks), \
    (SELECT MAX(last_updated) FROM quotes_history), \
    (SELECT MAX(newest_fetch_at) FROM batch_chunks), \
    (SELECT b.slot FROM batches AS b \
     WHERE b.slot > (SELECT COALESCE(MAX(newest_fetch_at), '1000-01-01') FROM batch_chunks) \
       AND (SELECT MAX(o.written + o.unchanged) FROM batch_chunks AS o \
            WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0 \
     ORDER BY b.slot DESC LIMIT 1)";

fn totals(mut columns: Columns<'_>) -> Result<Totals, sqlx::Error> {
    let (coins, quotes_latest, counted): (_, _, u64) = (columns.take()?, columns.take()?, columns.take()?);
    let estimated: Option<u64> = columns.take()?;
    let beyond = estimated.filter(|_| counted == COUNTED).unwrap_or_default();
    Ok(Totals { coins, quotes_latest, quotes_history: counted.max(beyond) })
}

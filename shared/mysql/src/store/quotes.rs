//! The read side of the quotes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use tables::read::quotes::{LISTED, NEWEST_IN, TOP, freshness, last_updated, listed_coin, top_coin};
use tables::row::{Row, Unreadable};

use super::MysqlStore;
use super::columns::{read_all, read_one};
use super::parameters::query;

#[async_trait]
impl Quotes for MysqlStore {
    async fn newest_in(
        &self,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let rows = self.database.read(query(NEWEST_IN, [since.into(), currency.into()])).await?;
        let found: Vec<_> = read_all(&rows, last_updated).map_err(|error| self.blame(error))?;
        Ok(found.first().copied())
    }

    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let rows = self.database.read(sqlx::query(FRESHNESS)).await?;
        read_one(&rows, freshness).map_err(|error| self.blame(error))
    }

    /// Counts the history row by row up to a million; what is beyond is as the server estimates it, which
    /// is within a few percent: counting a year of quotes takes longer than anyone waits.
    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coin_descriptions) AS coins, \
                       (SELECT count(*) FROM quotes_latest) AS latest, \
                       (SELECT count(*) FROM (SELECT 1 FROM history LIMIT 1000000) AS counted) AS counted, \
                       (SELECT max(table_rows) FROM information_schema.tables \
                        WHERE table_schema = DATABASE() AND table_name = 'history') AS estimated";
        let rows = self.database.read(sqlx::query(sql)).await?;
        read_one(&rows, totals).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let rows = self.database.read(sqlx::query(TOP).bind(currency).bind(currency).bind(limit)).await?;
        read_all(&rows, top_coin).map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let rows = self.database.read(sqlx::query(LISTED).bind(currency).bind(currency)).await?;
        read_all(&rows, listed_coin).map_err(|error| self.blame(error))
    }
}

const COUNTED: u64 = 1_000_000;

/// Looks into indexes; `quotes_latest` has none on these columns, which every snapshot rewrites.
///
/// Loaders of older versions write neither column. The newest quote of theirs is in the history, which alone may be emptied;
/// a snapshot of theirs that was due after the newest fetch was fetched then at the earliest.
pub(super) const FRESHNESS: &str = "SELECT \
    (SELECT MAX(newest_quote_at) FROM batch_chunks) AS newest_quote_at, \
    (SELECT MAX(last_updated) FROM history) AS newest_in_history, \
    (SELECT MAX(newest_fetch_at) FROM batch_chunks) AS newest_fetch_at, \
    (SELECT b.slot FROM batches AS b \
     WHERE b.slot > (SELECT COALESCE(MAX(newest_fetch_at), '1000-01-01') FROM batch_chunks) \
       AND (SELECT MAX(o.written + o.unchanged) FROM batch_chunks AS o \
            WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0 \
     ORDER BY b.slot DESC LIMIT 1) AS newest_unsaid";

fn totals(row: &dyn Row) -> Result<Totals, Unreadable> {
    let (coins, quotes_latest, counted): (u64, u64, u64) =
        (row.get("coins")?, row.get("latest")?, row.get("counted")?);
    let estimated: Option<u64> = row.nullable("estimated")?;
    let beyond = estimated.filter(|_| counted == COUNTED).unwrap_or_default();
    Ok(Totals { coins, quotes_latest, quotes_history: counted.max(beyond) })
}

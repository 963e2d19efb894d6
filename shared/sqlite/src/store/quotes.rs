//! The read side of the quotes in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use tables::read::quotes::{LISTED, NEWEST_IN, TOP, freshness, last_updated, listed_coin, top_coin};
use tables::row::{Row, Unreadable};

use super::SqliteStore;
use super::columns::{read, read_all};
use super::parameters::query;

#[async_trait]
impl Quotes for SqliteStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let row = sqlx::query(FRESHNESS).fetch_one(self.database.readers()).await;
        row.and_then(|row| read(&row, freshness)).map_err(|error| self.blame(error))
    }

    async fn newest_in(
        &self,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = query(NEWEST_IN, [since.into(), currency.into()]);
        let row = query.fetch_optional(self.database.readers()).await;
        let read = row.and_then(|row| row.map(|row| read(&row, last_updated)).transpose());
        read.map_err(|error| self.blame(error))
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coin_descriptions) AS coins, \
                       (SELECT count(*) FROM quotes_latest) AS latest, \
                       (SELECT count(*) FROM history) AS history";
        let row = sqlx::query(sql).fetch_one(self.database.readers()).await;
        row.and_then(|row| read(&row, totals)).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let rows = sqlx::query(TOP)
            .bind(currency)
            .bind(currency)
            .bind(limit)
            .fetch_all(self.database.readers())
            .await;
        rows.and_then(|rows| read_all(&rows, top_coin)).map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let query = sqlx::query(LISTED).bind(currency).bind(currency);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, listed_coin)).map_err(|error| self.blame(error))
    }
}

/// Looks into indexes. `quotes_latest` has none on these columns: two of them make rewriting 5,000 of its
/// rows, as every snapshot does, half as long again.
///
/// Loaders of older versions write neither column. The newest quote of theirs is in the history, which alone may be emptied;
/// a snapshot of theirs that was due after the newest fetch was fetched then at the earliest.
pub(super) const FRESHNESS: &str = "SELECT \
    (SELECT max(newest_quote_at) FROM batch_chunks) AS newest_quote_at, \
    (SELECT max(last_updated) FROM history) AS newest_in_history, \
    (SELECT max(newest_fetch_at) FROM batch_chunks) AS newest_fetch_at, \
    (SELECT b.slot FROM batches AS b \
     WHERE b.slot > (SELECT coalesce(max(newest_fetch_at), '') FROM batch_chunks) \
       AND (SELECT max(o.written + o.unchanged) FROM batch_chunks AS o \
            WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0 \
     ORDER BY b.slot DESC LIMIT 1) AS newest_unsaid";

fn totals(row: &dyn Row) -> Result<Totals, Unreadable> {
    let (coins, quotes_latest) = (row.get("coins")?, row.get("latest")?);
    Ok(Totals { coins, quotes_latest, quotes_history: row.get("history")? })
}

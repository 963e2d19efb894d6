//! The read side of the quotes in SQLite.

use async_trait::async_trait;
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use tables::{Row as _, coins};

use super::SqliteStore;
use super::columns::Columns;

#[async_trait]
impl Quotes for SqliteStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let row = sqlx::query(FRESHNESS).fetch_one(self.database.readers()).await;
        row.and_then(|row| coins::freshness(Columns::new(&row))).map_err(|error| self.blame(error))
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM quotes_latest), \
                       (SELECT count(*) FROM quotes_history)";
        let row = sqlx::query(sql).fetch_one(self.database.readers()).await;
        row.and_then(|row| totals(Columns::new(&row))).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let query = sqlx::query(coins::TOP).bind(currency).bind(currency).bind(limit);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(Columns::new).map(coins::top_coin).collect())
            .map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let query = sqlx::query(coins::LISTED).bind(currency).bind(currency);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(Columns::new).map(coins::listed_coin).collect())
            .map_err(|error| self.blame(error))
    }
}

/// Looks into indexes. `quotes_latest` has none on these columns: two of them make rewriting 5,000 of its
/// rows, as every snapshot does, half as long again.
///
/// Loaders of older versions write neither column. The newest quote of theirs is in the history, which alone may be emptied;
/// a snapshot of theirs that was due after the newest fetch was fetched then at the earliest.
pub(super) const FRESHNESS: &str = "SELECT \
    (SELECT max(newest_quote_at) FROM batch_chunks), \
    (SELECT max(last_updated) FROM quotes_history), \
    (SELECT max(newest_fetch_at) FROM batch_chunks), \
    (SELECT b.slot FROM batches AS b \
     WHERE b.slot > (SELECT coalesce(max(newest_fetch_at), '') FROM batch_chunks) \
       AND (SELECT max(o.written + o.unchanged) FROM batch_chunks AS o \
            WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0 \
     ORDER BY b.slot DESC LIMIT 1)";

fn totals(mut columns: Columns<'_>) -> Result<Totals, sqlx::Error> {
    Ok(Totals { coins: columns.take()?, quotes_latest: columns.take()?, quotes_history: columns.take()? })
}

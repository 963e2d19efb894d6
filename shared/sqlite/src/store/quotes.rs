//! The read side of the quotes in SQLite.

use async_trait::async_trait;
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::columns::Columns;

#[async_trait]
impl Quotes for SqliteStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let row = sqlx::query(FRESHNESS).fetch_one(self.database.readers()).await;
        row.and_then(|row| freshness(&row)).map_err(|error| self.blame(error))
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM quotes_latest), \
                       (SELECT count(*) FROM quotes_history)";
        let row = sqlx::query(sql).fetch_one(self.database.readers()).await;
        row.and_then(|row| totals(&row)).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let sql = "SELECT q.cmc_rank, c.name, c.symbol, q.currency, q.price, q.percent_change_1h, \
                       q.percent_change_24h, q.percent_change_7d, q.market_cap, q.last_updated \
                   FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
                   WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
                       WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
                   ORDER BY q.cmc_rank IS NULL, q.cmc_rank, c.id LIMIT ?";
        let rows = sqlx::query(sql)
            .bind(currency)
            .bind(currency)
            .bind(limit)
            .fetch_all(self.database.readers())
            .await;
        rows.and_then(|rows| rows.iter().map(top_coin).collect()).map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let sql = "SELECT c.id, c.symbol, c.name, c.slug, q.fetched_at \
                   FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
                   WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
                       WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
                   ORDER BY c.id";
        let query = sqlx::query(sql).bind(currency).bind(currency);
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(listed_coin).collect()).map_err(|error| self.blame(error))
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

fn freshness(row: &SqliteRow) -> Result<Freshness, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Freshness {
        newest_quote_at: columns.optional_instant()?.max(columns.optional_instant()?),
        newest_fetch_at: columns.optional_instant()?.max(columns.optional_instant()?),
    })
}

fn totals(row: &SqliteRow) -> Result<Totals, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Totals { coins: columns.count()?, quotes_latest: columns.count()?, quotes_history: columns.count()? })
}

fn top_coin(row: &SqliteRow) -> Result<TopCoin, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(TopCoin {
        rank: columns.take()?,
        name: columns.take()?,
        symbol: columns.take()?,
        currency: columns.take()?,
        price: columns.number()?,
        percent_change_1h: columns.number()?,
        percent_change_24h: columns.number()?,
        percent_change_7d: columns.number()?,
        market_cap: columns.number()?,
        last_updated: columns.instant()?,
    })
}

fn listed_coin(row: &SqliteRow) -> Result<ListedCoin, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(ListedCoin {
        id: columns.take()?,
        symbol: columns.take()?,
        name: columns.take()?,
        slug: columns.take()?,
        fetched_at: columns.instant()?,
    })
}

//! The read side of the quotes.

use async_trait::async_trait;
use ports::{Freshness, ListedCoin, Quotes, StoreError, TopCoin, Totals};
use sqlx::mysql::MySqlRow;

use super::columns::Columns;
use super::{MysqlStore, one};

#[async_trait]
impl Quotes for MysqlStore {
    async fn freshness(&self) -> Result<Freshness, StoreError> {
        let rows = self.database.read(sqlx::query(FRESHNESS)).await?;
        one(rows.iter().map(freshness)).map_err(|error| self.blame(error))
    }

    /// Counts the history row by row up to a million; what is beyond is as the server estimates it, which
    /// is within a few percent: counting a year of quotes takes longer than anyone waits.
    async fn totals(&self) -> Result<Totals, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM quotes_latest), \
                       (SELECT count(*) FROM (SELECT 1 FROM quotes_history LIMIT 1000000) AS counted), \
                       (SELECT max(table_rows) FROM information_schema.tables \
                        WHERE table_schema = DATABASE() AND table_name = 'quotes_history')";
        let rows = self.database.read(sqlx::query(sql)).await?;
        one(rows.iter().map(totals)).map_err(|error| self.blame(error))
    }

    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError> {
        let sql = "SELECT q.cmc_rank, c.name, c.symbol, q.currency, q.price, q.percent_change_1h, \
                       q.percent_change_24h, q.percent_change_7d, q.market_cap, q.last_updated \
                   FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
                   WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
                       WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
                   ORDER BY q.cmc_rank IS NULL, q.cmc_rank, c.id LIMIT ?";
        let rows = self.database.read(sqlx::query(sql).bind(currency).bind(currency).bind(limit)).await?;
        rows.iter().map(top_coin).collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }

    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError> {
        let sql = "SELECT c.id, c.symbol, c.name, c.slug, q.fetched_at \
                   FROM quotes_latest AS q JOIN coins AS c ON c.id = q.coin_id \
                   WHERE q.currency = ? AND q.batch_id = (SELECT batch_id FROM quotes_latest \
                       WHERE currency = ? ORDER BY fetched_at DESC LIMIT 1) \
                   ORDER BY c.id";
        let rows = self.database.read(sqlx::query(sql).bind(currency).bind(currency)).await?;
        rows.iter().map(listed_coin).collect::<Result<_, _>>().map_err(|error| self.blame(error))
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

fn freshness(row: &MySqlRow) -> Result<Freshness, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Freshness {
        newest_quote_at: columns.optional_instant()?.max(columns.optional_instant()?),
        newest_fetch_at: columns.optional_instant()?.max(columns.optional_instant()?),
    })
}

fn totals(row: &MySqlRow) -> Result<Totals, sqlx::Error> {
    let mut columns = Columns::new(row);
    let (coins, quotes_latest, counted) = (columns.count()?, columns.count()?, columns.count()?);
    let estimated: Option<u64> = columns.take()?;
    let beyond = estimated.filter(|_| counted == COUNTED).unwrap_or_default();
    Ok(Totals { coins, quotes_latest, quotes_history: counted.max(beyond) })
}

fn top_coin(row: &MySqlRow) -> Result<TopCoin, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(TopCoin {
        rank: columns.take()?,
        name: columns.take()?,
        symbol: columns.take()?,
        currency: columns.take()?,
        price: columns.take()?,
        percent_change_1h: columns.take()?,
        percent_change_24h: columns.take()?,
        percent_change_7d: columns.take()?,
        market_cap: columns.take()?,
        last_updated: columns.instant()?,
    })
}

fn listed_coin(row: &MySqlRow) -> Result<ListedCoin, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(ListedCoin {
        id: columns.take()?,
        symbol: columns.take()?,
        name: columns.take()?,
        slug: columns.take()?,
        fetched_at: columns.instant()?,
    })
}

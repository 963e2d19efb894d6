//! The ledger of batches in SQLite.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, Slot, timestamp};
use ports::{BatchRecord, Ledger, Loaded, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::SqliteStore;
use super::columns::Columns;

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(super) async fn record_chunk(
    connection: &mut SqliteConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let page = &chunk.page;
    sqlx::query(
        "INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(page.batch.as_str())
    .bind(timestamp::to_text(page.slot.starts_at()))
    .bind(page.endpoint.as_str())
    .bind(page.convert.join(","))
    .bind(page.simulated)
    .execute(&mut *connection)
    .await?;
    // A coin refused in several currencies is one coin.
    let refused: BTreeSet<_> = loaded.refused.iter().map(|refused| refused.coin_id).collect();
    let rejected = i64::from(chunk.rejected) + integer(refused.len() as u64);
    // A repeat keeps what the first load found; of what the transformer said, its newest word counts.
    sqlx::query(
        "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
             written, unchanged, stale, loaded_at, loads) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
         ON CONFLICT DO UPDATE SET \
             pages = iif(excluded.transformed_at >= transformed_at, excluded.pages, pages), \
             chunks = iif(excluded.transformed_at >= transformed_at, excluded.chunks, chunks), \
             coins_in = iif(excluded.transformed_at >= transformed_at, excluded.coins_in, coins_in), \
             rejected = iif(excluded.transformed_at >= transformed_at, excluded.rejected, rejected), \
             transformed_at = max(transformed_at, excluded.transformed_at), \
             loaded_at = max(loaded_at, excluded.loaded_at), \
             loads = loads + 1",
    )
    .bind(page.batch.as_str())
    .bind(page.page)
    .bind(chunk.chunk)
    .bind(page.pages)
    .bind(chunk.chunks)
    .bind(chunk.coins_in)
    .bind(rejected)
    .bind(timestamp::to_text(chunk.transformed_at))
    .bind(integer(loaded.written))
    .bind(integer(loaded.unchanged))
    .bind(integer(loaded.stale))
    .bind(timestamp::to_text(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes or corrects the announcement of a batch.
pub(super) async fn record_fetched(
    connection: &mut SqliteConnection,
    fetched: &Fetched,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET \
             fetched_at = excluded.fetched_at, pages = excluded.pages, credits = excluded.credits \
         WHERE batches.fetched_at IS NULL OR excluded.fetched_at > batches.fetched_at",
    )
    .bind(fetched.batch.as_str())
    .bind(timestamp::to_text(fetched.slot.starts_at()))
    .bind(fetched.endpoint.as_str())
    .bind(fetched.convert.join(","))
    .bind(fetched.simulated)
    .bind(timestamp::to_text(fetched.fetched_at))
    .bind(fetched.pages)
    .bind(fetched.credits)
    .execute(connection)
    .await?;
    Ok(())
}

/// A count as SQLite's integer. No table holds as much as 2^63 of anything.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        let sql = "SELECT id, slot, endpoint, currencies, simulated, fetched_at, pages, credits FROM batches \
                   ORDER BY slot DESC, id DESC LIMIT ?";
        self.records(sqlx::query(sql).bind(limit)).await.map_err(|error| self.blame(error))
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        let sql = "SELECT id, slot, endpoint, currencies, simulated, fetched_at, pages, credits FROM batches \
                   WHERE id = ?";
        let records = self.records(sqlx::query(sql).bind(id.as_str())).await;
        Ok(records.map_err(|error| self.blame(error))?.pop())
    }
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

impl SqliteStore {
    /// The batches that `query` finds, with their chunks as of the same moment.
    async fn records(&self, query: Query<'_>) -> Result<Vec<BatchRecord>, sqlx::Error> {
        let mut snapshot = self.database.readers().begin().await?;
        let batches = query.fetch_all(&mut *snapshot).await?;
        let mut records = Vec::with_capacity(batches.len());
        for batch in &batches {
            records.push(record(&mut snapshot, batch).await?);
        }
        Ok(records)
    }
}

async fn record(
    snapshot: &mut Transaction<'_, Sqlite>,
    batch: &SqliteRow,
) -> Result<BatchRecord, sqlx::Error> {
    let mut columns = Columns::new(batch);
    let mut record = BatchRecord {
        id: BatchId::from_stored(columns.take::<String>()?),
        slot: Slot::at(columns.instant()?),
        endpoint: columns.take()?,
        convert: columns.list()?,
        simulated: columns.take()?,
        fetched_at: columns.optional_instant()?,
        pages: columns.take()?,
        credits: columns.take()?,
        transformed_at: None,
        loaded_at: None,
        coins_in: 0,
        rejected: 0,
        written: 0,
        unchanged: 0,
        stale: 0,
        loads: 0,
        missing: Vec::new(),
    };
    let sql = "SELECT page, chunk, pages, chunks, transformed_at, loaded_at, coins_in, rejected, written, \
                   unchanged, stale, loads \
               FROM batch_chunks WHERE batch_id = ? ORDER BY page, chunk";
    let lines = sqlx::query(sql).bind(record.id.as_str()).fetch_all(&mut **snapshot).await?;
    let mut pages: BTreeMap<u32, Page> = BTreeMap::new();
    let mut pages_by_chunks = None;
    for line in &lines {
        let mut columns = Columns::new(line);
        let page = pages.entry(columns.take()?).or_default();
        page.loaded.insert(columns.take()?);
        pages_by_chunks = pages_by_chunks.max(Some(columns.take()?));
        let chunks = columns.take()?;
        let transformed_at = Some(columns.instant()?);
        if transformed_at >= page.transformed_at {
            page.chunks = chunks;
            page.transformed_at = transformed_at;
        }
        record.transformed_at = record.transformed_at.max(transformed_at);
        record.loaded_at = record.loaded_at.max(Some(columns.instant()?));
        record.coins_in += columns.count()?;
        record.rejected += columns.count()?;
        record.written += columns.count()?;
        record.unchanged += columns.count()?;
        record.stale += columns.count()?;
        record.loads = record.loads.max(columns.take()?);
    }
    // Until the announcement came, the pages themselves say how many there are.
    record.pages = record.pages.or(pages_by_chunks);
    record.missing =
        (1..=record.pages.unwrap_or(0)).flat_map(|page| missing(page, pages.get(&page))).collect();
    Ok(record)
}

/// What is known of a page from its chunks.
#[derive(Default)]
struct Page {
    /// How many it has. Differs between them only when it was transformed again with another chunk size;
    /// then the newest is right.
    chunks: u32,
    transformed_at: Option<DateTime<Utc>>,
    loaded: BTreeSet<u32>,
}

fn missing(number: u32, page: Option<&Page>) -> Vec<String> {
    let Some(page) = page else { return vec![format!("page {number}")] };
    let absent = (1..=page.chunks).filter(|chunk| !page.loaded.contains(chunk));
    absent.map(|chunk| format!("page {number} chunk {chunk} of {}", page.chunks)).collect()
}

//! The ledger of batches in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, Slot, timestamp};
use ports::ledger::{BatchLine, ChunkLine, refused_coins};
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
    let rejected = integer(u64::from(chunk.rejected) + refused_coins(loaded));
    // A repeat keeps what the first load found; of what the transformer said, its newest word counts.
    sqlx::query(
        "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
             written, unchanged, stale, loaded_at, replays, loads) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
         ON CONFLICT DO UPDATE SET \
             pages = iif(excluded.transformed_at >= transformed_at, excluded.pages, pages), \
             chunks = iif(excluded.transformed_at >= transformed_at, excluded.chunks, chunks), \
             coins_in = iif(excluded.transformed_at >= transformed_at, excluded.coins_in, coins_in), \
             rejected = iif(excluded.transformed_at >= transformed_at, excluded.rejected, rejected), \
             transformed_at = max(transformed_at, excluded.transformed_at), \
             loaded_at = max(loaded_at, excluded.loaded_at), \
             replays = replays + excluded.replays, \
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
    .bind(chunk.is_replay())
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
    let batch = batch_line(batch)?;
    let sql = "SELECT page, chunk, pages, chunks, transformed_at, loaded_at, coins_in, rejected, written, \
                   unchanged, stale, loads, replays \
               FROM batch_chunks WHERE batch_id = ?";
    let lines = sqlx::query(sql).bind(batch.id.as_str()).fetch_all(&mut **snapshot).await?;
    let lines = lines.iter().map(chunk_line).collect::<Result<Vec<_>, _>>()?;
    Ok(BatchRecord::new(batch, lines))
}

fn batch_line(row: &SqliteRow) -> Result<BatchLine, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(BatchLine {
        id: BatchId::from_stored(columns.take::<String>()?),
        slot: Slot::at(columns.instant()?),
        endpoint: columns.take()?,
        convert: columns.list()?,
        simulated: columns.take()?,
        fetched_at: columns.optional_instant()?,
        pages: columns.take()?,
        credits: columns.take()?,
    })
}

fn chunk_line(row: &SqliteRow) -> Result<ChunkLine, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(ChunkLine {
        page: columns.take()?,
        chunk: columns.take()?,
        pages: columns.take()?,
        chunks: columns.take()?,
        transformed_at: columns.instant()?,
        loaded_at: columns.instant()?,
        coins_in: columns.count()?,
        rejected: columns.count()?,
        written: columns.count()?,
        unchanged: columns.count()?,
        stale: columns.count()?,
        loads: columns.take()?,
        replays: columns.take()?,
    })
}

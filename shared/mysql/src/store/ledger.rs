//! The ledger of batches.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, Slot};
use ports::ledger::{BatchLine, ChunkLine, refused_coins};
use ports::{BatchRecord, Ledger, Loaded, StoreError};
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::MysqlStore;
use super::columns::{Columns, datetime};
use crate::database::Work;

/// Writes the line of `chunk`, and its batch when this is the first to be heard of it.
pub(super) async fn record_chunk(
    connection: &mut MySqlConnection,
    chunk: &Chunk,
    loaded: &Loaded,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let page = &chunk.page;
    // Inserting locks the batch until the end of the transaction, so it is tried only when needed: chunks of
    // one batch are loaded side by side.
    let sql = "SELECT 1 FROM batches WHERE id = ?";
    let known = sqlx::query(sql).bind(page.batch.as_str()).fetch_optional(&mut *connection).await?;
    if known.is_none() {
        sqlx::query(
            "INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?, ?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE id = id",
        )
        .bind(page.batch.as_str())
        .bind(datetime(page.slot.starts_at()))
        .bind(page.endpoint.as_str())
        .bind(page.convert.join(","))
        .bind(page.simulated)
        .execute(&mut *connection)
        .await?;
    }
    // A repeat keeps what the first load found; of what the transformer said, its newest word counts. Columns
    // are assigned from left to right: transformed_at decides, so it comes last.
    sqlx::query(
        "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, coins_in, rejected, transformed_at, \
             written, unchanged, stale, loaded_at, replays, loads) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) \
         ON DUPLICATE KEY UPDATE \
             pages = IF(VALUES(transformed_at) >= transformed_at, VALUES(pages), pages), \
             chunks = IF(VALUES(transformed_at) >= transformed_at, VALUES(chunks), chunks), \
             coins_in = IF(VALUES(transformed_at) >= transformed_at, VALUES(coins_in), coins_in), \
             rejected = IF(VALUES(transformed_at) >= transformed_at, VALUES(rejected), rejected), \
             loaded_at = GREATEST(loaded_at, VALUES(loaded_at)), \
             replays = replays + VALUES(replays), \
             loads = loads + 1, \
             transformed_at = GREATEST(transformed_at, VALUES(transformed_at))",
    )
    .bind(page.batch.as_str())
    .bind(page.page)
    .bind(chunk.chunk)
    .bind(page.pages)
    .bind(chunk.chunks)
    .bind(chunk.coins_in)
    .bind(u64::from(chunk.rejected) + refused_coins(loaded))
    .bind(datetime(chunk.transformed_at))
    .bind(loaded.written)
    .bind(loaded.unchanged)
    .bind(loaded.stale)
    .bind(datetime(now))
    .bind(u32::from(chunk.is_replay()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes or corrects the announcement of a batch.
pub(super) struct Announcement<'a>(pub &'a Fetched);

impl Work for Announcement<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let Self(fetched) = self;
        sqlx::query(
            "INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE \
                 pages = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(pages), pages), \
                 credits = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(credits), credits), \
                 fetched_at = IF(fetched_at IS NULL OR VALUES(fetched_at) > fetched_at, VALUES(fetched_at), \
                                 fetched_at)",
        )
        .bind(fetched.batch.as_str())
        .bind(datetime(fetched.slot.starts_at()))
        .bind(fetched.endpoint.as_str())
        .bind(fetched.convert.join(","))
        .bind(fetched.simulated)
        .bind(datetime(fetched.fetched_at))
        .bind(fetched.pages)
        .bind(fetched.credits)
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Ledger for MysqlStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        Ok(self.database.snapshot(&Newest(limit)).await?)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        Ok(self.database.snapshot(&Named(id)).await?)
    }
}

/// The newest batches.
struct Newest(u32);

impl Work for Newest {
    type Output = Vec<BatchRecord>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Vec<BatchRecord>, sqlx::Error> {
        let sql = "SELECT id, slot, endpoint, currencies, simulated, fetched_at, pages, credits FROM batches \
                   ORDER BY slot DESC, id DESC LIMIT ?";
        let batches = sqlx::query(sql).bind(self.0).fetch_all(&mut *connection).await?;
        let mut records = Vec::with_capacity(batches.len());
        for batch in &batches {
            records.push(record(connection, batch).await?);
        }
        Ok(records)
    }
}

/// One batch.
struct Named<'a>(&'a BatchId);

impl Work for Named<'_> {
    type Output = Option<BatchRecord>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<BatchRecord>, sqlx::Error> {
        let sql = "SELECT id, slot, endpoint, currencies, simulated, fetched_at, pages, credits FROM batches \
                   WHERE id = ?";
        match sqlx::query(sql).bind(self.0.as_str()).fetch_optional(&mut *connection).await? {
            Some(batch) => Ok(Some(record(connection, &batch).await?)),
            None => Ok(None),
        }
    }
}

async fn record(connection: &mut MySqlConnection, batch: &MySqlRow) -> Result<BatchRecord, sqlx::Error> {
    let batch = batch_line(batch)?;
    let sql = "SELECT page, chunk, pages, chunks, transformed_at, loaded_at, coins_in, rejected, written, \
                   unchanged, stale, loads, replays \
               FROM batch_chunks WHERE batch_id = ?";
    let lines = sqlx::query(sql).bind(batch.id.as_str()).fetch_all(connection).await?;
    let lines = lines.iter().map(chunk_line).collect::<Result<Vec<_>, _>>()?;
    Ok(BatchRecord::new(batch, lines))
}

fn batch_line(row: &MySqlRow) -> Result<BatchLine, sqlx::Error> {
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

fn chunk_line(row: &MySqlRow) -> Result<ChunkLine, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(ChunkLine {
        page: columns.take()?,
        chunk: columns.take()?,
        pages: columns.take()?,
        chunks: columns.take()?,
        transformed_at: columns.instant()?,
        loaded_at: columns.instant()?,
        coins_in: u64::from(columns.take::<u32>()?),
        rejected: columns.count()?,
        written: columns.count()?,
        unchanged: columns.count()?,
        stale: columns.count()?,
        loads: columns.take()?,
        replays: columns.take()?,
    })
}

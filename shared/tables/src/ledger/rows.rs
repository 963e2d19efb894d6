//! Reading the tables of the ledger.

use domain::{BatchId, ReplayId, Slot};
use ports::BatchRecord;

use super::{BatchLine, ChunkLine, Cut, ReplayLine, records};
use crate::row::Row;

/// The columns of `batches`, which [`batch`] reads.
pub const BATCH: &str = "id, slot, endpoint, currencies, simulated, fetched_at, pages, credits";

/// The columns of `batch_chunks` as `c`, which [`chunk`] reads.
pub const CHUNK: &str = "c.batch_id, c.page, c.chunk, c.pages, c.chunks, c.chunk_coins, c.fetched_at, \
    c.transformed_at, c.loaded_at, c.coins_in, c.rejected, c.written, c.unchanged, c.stale, c.loads";

/// The columns of `chunk_replays` as `r`, which [`replay`] reads.
pub const REPLAY: &str = "r.batch_id, r.page, r.replay, r.chunks, r.chunk_coins, r.chunk";

/// What is known of batches, from their rows in three tables.
pub fn read<R: Row>(
    batches: impl Iterator<Item = R>,
    chunks: impl Iterator<Item = R>,
    replays: impl Iterator<Item = R>,
) -> Result<Vec<BatchRecord>, R::Error> {
    let batches = batches.map(batch).collect::<Result<Vec<_>, _>>()?;
    let chunks = chunks.map(chunk).collect::<Result<Vec<_>, _>>()?;
    let replays = replays.map(replay).collect::<Result<Vec<_>, _>>()?;
    Ok(records(batches, chunks, replays))
}

fn batch<R: Row>(mut row: R) -> Result<BatchLine, R::Error> {
    Ok(BatchLine {
        id: BatchId::from_stored(row.take::<String>()?),
        slot: Slot::at(row.take()?),
        endpoint: row.take()?,
        convert: row.list()?,
        simulated: row.take()?,
        fetched_at: row.take()?,
        pages: row.take()?,
        credits: row.take()?,
    })
}

fn chunk<R: Row>(mut row: R) -> Result<(BatchId, ChunkLine), R::Error> {
    let batch = BatchId::from_stored(row.take::<String>()?);
    let line = ChunkLine {
        page: row.take()?,
        chunk: row.take()?,
        pages: row.take()?,
        cut: Cut { chunks: row.take()?, size: row.take()?, fetched_at: row.take()? },
        transformed_at: row.take()?,
        loaded_at: row.take()?,
        coins_in: row.take()?,
        rejected: row.take()?,
        written: row.take()?,
        unchanged: row.take()?,
        stale: row.take()?,
        loads: row.take()?,
    };
    Ok((batch, line))
}

fn replay<R: Row>(mut row: R) -> Result<(BatchId, ReplayLine), R::Error> {
    let batch = BatchId::from_stored(row.take::<String>()?);
    let line = ReplayLine {
        page: row.take()?,
        replay: ReplayId::from_stored(row.take::<String>()?),
        chunks: row.take()?,
        size: row.take()?,
        chunk: row.take()?,
    };
    Ok((batch, line))
}

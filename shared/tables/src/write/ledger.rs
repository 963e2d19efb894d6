//! The values of the ledger's rows.

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;

use super::Parameter;
use super::Parameter::{Count, Instant};
use crate::ledger::{Cut, ReplayRow, refused_coins};

/// Inserts what a chunk tells of its batch: [`batch_of`].
pub const INSERT_BATCH: &str =
    "INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?, ?, ?, ?, ?)";

/// Inserts the announcement of a batch: [`announcement`].
pub const INSERT_ANNOUNCEMENT: &str = "INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Inserts the row of a chunk that was loaded once: [`chunk`].
pub const INSERT_CHUNK: &str = "INSERT INTO batch_chunks (batch_id, page, chunk, pages, chunks, chunk_coins, fetched_at, \
        coins_in, rejected, transformed_at, written, unchanged, stale, loaded_at, replays, newest_quote_at, \
        newest_fetch_at, loads) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)";

/// The columns that [`INSERT_CHUNK`] changes in a row that is there when it is of another cut, and those that it changes when
/// the transformer's word is at least as new, in an order in which they can be assigned one after the other: a repeat keeps
/// what the first load of its cut found, and of what the transformer said, its newest word counts.
pub const OF_CUT: [&str; 3] = ["written", "unchanged", "stale"];

/// See [`OF_CUT`].
pub const OF_NEWEST: [&str; 6] = ["pages", "chunks", "chunk_coins", "fetched_at", "coins_in", "rejected"];

/// Inserts that a replay loaded a chunk: [`replay`].
pub const INSERT_REPLAY: &str = "INSERT INTO chunk_replays (batch_id, page, replay, chunks, chunk_coins, chunk) VALUES (?, ?, ?, ?, ?, ?)";

/// For [`INSERT_BATCH`].
pub fn batch_of(chunk: &Chunk) -> [Parameter<'_>; 5] {
    let page = &chunk.page;
    [
        page.batch.as_str().into(),
        page.slot.starts_at().into(),
        page.endpoint.as_str().into(),
        page.convert.join(",").into(),
        page.simulated.into(),
    ]
}

/// For [`INSERT_ANNOUNCEMENT`].
pub fn announcement(fetched: &Fetched) -> [Parameter<'_>; 8] {
    [
        fetched.batch.as_str().into(),
        fetched.slot.starts_at().into(),
        fetched.endpoint.as_str().into(),
        fetched.convert.join(",").into(),
        fetched.simulated.into(),
        fetched.fetched_at.into(),
        fetched.pages.into(),
        fetched.credits.into(),
    ]
}

/// For [`INSERT_CHUNK`].
pub fn chunk<'a>(chunk: &'a Chunk, loaded: &Loaded, now: DateTime<Utc>) -> [Parameter<'a>; 17] {
    let cut = Cut::of(chunk);
    [
        chunk.page.batch.as_str().into(),
        chunk.page.page.into(),
        chunk.chunk.into(),
        chunk.page.pages.into(),
        cut.chunks.into(),
        Count(cut.size.map(u64::from)),
        Instant(cut.fetched_at),
        chunk.coins_in.into(),
        (u64::from(chunk.rejected) + refused_coins(loaded)).into(),
        chunk.transformed_at.into(),
        loaded.written.into(),
        loaded.unchanged.into(),
        loaded.stale.into(),
        now.into(),
        u32::from(chunk.is_replay()).into(),
        Instant(loaded.newest_quote_at),
        Instant(loaded.newest_fetch_at),
    ]
}

/// For [`INSERT_REPLAY`]; `None` when the chunk comes from no replay.
pub fn replay(chunk: &Chunk) -> Option<[Parameter<'_>; 6]> {
    let row = ReplayRow::of(chunk)?;
    Some([
        chunk.page.batch.as_str().into(),
        row.page.into(),
        row.replay.as_str().to_owned().into(),
        row.chunks.into(),
        row.size.into(),
        row.chunk.into(),
    ])
}

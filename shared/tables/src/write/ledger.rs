//! Writing the ledger's rows.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched};
use ports::Loaded;

use super::Parameter::{self, Count, Instant, Text};
use super::insert;
use crate::columns::{BATCHES, CHUNKS, REPLAYS};
use crate::ledger::{Cut, ReplayRow, refused_coins};

/// Inserts what a chunk tells of its batch: [`batch_of`].
pub static INSERT_BATCH: LazyLock<String> = LazyLock::new(|| insert("batches", &BATCHES[..5]));

/// Inserts the announcement of a batch: [`announcement`].
pub static INSERT_ANNOUNCEMENT: LazyLock<String> = LazyLock::new(|| insert("batches", &BATCHES));

/// Inserts the row of a chunk that was loaded once: [`chunk`].
pub static INSERT_CHUNK: LazyLock<String> = LazyLock::new(|| insert("batch_chunks", &CHUNKS));

/// The columns that a repeat of [`INSERT_CHUNK`] changes when it is of another cut: what the first load of a cut found stays.
pub const OF_CUT: [&str; 3] = ["written", "unchanged", "stale"];

/// The columns that a repeat of [`INSERT_CHUNK`] changes when it was transformed at the same time or later. They may be
/// assigned one after the other in this order.
pub const OF_NEWEST: [&str; 7] =
    ["pages", "chunks", "chunk_coins", "fetched_at", "sorted", "coins_in", "rejected"];

/// Inserts that a replay loaded a chunk: [`replay`].
pub static INSERT_REPLAY: LazyLock<String> = LazyLock::new(|| insert("chunk_replays", &REPLAYS));

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
pub fn announcement(fetched: &Fetched) -> [Parameter<'_>; BATCHES.len()] {
    let verdict = fetched.verdict.as_ref();
    [
        fetched.batch.as_str().into(),
        fetched.slot.starts_at().into(),
        fetched.endpoint.as_str().into(),
        fetched.convert.join(",").into(),
        fetched.simulated.into(),
        fetched.fetched_at.into(),
        fetched.pages.into(),
        fetched.credits.into(),
        Text(verdict.map(|verdict| verdict.doubt.as_str().into())),
        Text(verdict.map(|verdict| verdict.why.as_str().into())),
    ]
}

/// For [`INSERT_CHUNK`].
pub fn chunk<'a>(chunk: &'a Chunk, loaded: &Loaded, now: DateTime<Utc>) -> [Parameter<'a>; CHUNKS.len()] {
    let cut = Cut::of(chunk);
    [
        chunk.page.batch.as_str().into(),
        chunk.page.page.into(),
        chunk.chunk.into(),
        chunk.page.pages.into(),
        cut.chunks.into(),
        Count(cut.size.map(u64::from)),
        Instant(cut.fetched_at),
        cut.sorted.into(),
        chunk.coins_in.into(),
        (u64::from(chunk.rejected) + refused_coins(loaded)).into(),
        chunk.transformed_at.into(),
        loaded.written.into(),
        loaded.unchanged.into(),
        loaded.stale.into(),
        now.into(),
        u32::from(chunk.is_replay()).into(),
        Instant(loaded.oldest_quote_at),
        Instant(loaded.newest_quote_at),
        Instant(loaded.newest_fetch_at),
        1_u32.into(),
    ]
}

/// For [`INSERT_REPLAY`]; `None` when the chunk comes from no replay.
pub fn replay(chunk: &Chunk) -> Option<[Parameter<'_>; REPLAYS.len()]> {
    let row = ReplayRow::of(chunk)?;
    Some([
        chunk.page.batch.as_str().into(),
        row.page.into(),
        row.replay.as_str().to_owned().into(),
        row.chunks.into(),
        row.size.into(),
        row.sorted.into(),
        row.chunk.into(),
    ])
}

//! Which replays loaded all of a page: proved for each replay separately, however often its messages were delivered.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Chunk, ReplayId};

use super::Cut;

/// A row of `chunk_replays`: this replay loaded this chunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayRow {
    /// Its page, from 1.
    pub page: u32,
    /// Which replay.
    pub replay: ReplayId,
    /// Chunks of the page as the replay's transformer cut it.
    pub chunks: u32,
    /// Coins in each of them but the last; 0 when there is only one, or the message did not say.
    pub size: u32,
    /// Whether the coins of the page were sorted by id first; never when there is only one.
    pub sorted: bool,
    /// Its number in the page, from 1.
    pub chunk: u32,
}

impl ReplayRow {
    /// The row for `chunk`; `None` when it comes from no replay.
    pub fn of(chunk: &Chunk) -> Option<Self> {
        let Cut { chunks, size, sorted, .. } = Cut::of(chunk);
        chunk.is_replay().then(|| Self {
            page: chunk.page.page,
            replay: chunk.replay.clone().unwrap_or(ReplayId::unnamed()),
            chunks,
            size: size.unwrap_or(0),
            sorted,
            chunk: chunk.chunk,
        })
    }
}

/// For each page, the replays that loaded every chunk of it, in one and the same cut.
pub(super) fn whole(rows: impl IntoIterator<Item = ReplayRow>) -> BTreeMap<u32, BTreeSet<ReplayId>> {
    let mut parts: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
    for ReplayRow { page, replay, chunks, size, sorted, chunk } in rows {
        parts.entry((page, replay, chunks, size, sorted)).or_default().insert(chunk);
    }
    let mut whole: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((page, replay, chunks, ..), loaded) in parts {
        if (1..=chunks).all(|chunk| loaded.contains(&chunk)) {
            whole.entry(page).or_default().insert(replay);
        }
    }
    whole
}

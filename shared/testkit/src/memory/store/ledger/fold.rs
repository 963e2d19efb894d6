//! What a batch's chunks say together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, ReplayId, timestamp};
use ports::store::{LedgerLine, Loaded, Missing};

/// What is known of a chunk.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Pages of the batch, as its page says.
    pub(super) pages: u32,
    /// Chunks of its page.
    chunks: u32,
    /// Coins in each of them but the last, if there are others, and it was said.
    size: Option<u32>,
    /// When its page was fetched.
    fetched_at: DateTime<Utc>,
    /// Whether its coins were sorted by id before they were cut into several chunks.
    sorted: bool,
    /// When its newest version was transformed.
    pub(super) transformed_at: DateTime<Utc>,
    /// When any version of it was last loaded.
    pub(super) loaded_at: DateTime<Utc>,
    /// Coins that the source sent for it.
    pub(super) coins_in: u64,
    /// Coins that a rule or the store refused.
    pub(super) rejected: u64,
    /// What became of its quotes.
    pub(super) written: u64,
    pub(super) unchanged: u64,
    pub(super) stale: u64,
    /// How often any version of it was loaded.
    pub(super) loads: u32,
}

impl Part {
    /// Of `chunk`, which was `loaded` at `now`.
    pub(super) fn new(chunk: &Chunk, loaded: &Loaded, now: DateTime<Utc>) -> Self {
        // One that is refused in several currencies is one coin.
        let refused: BTreeSet<_> = loaded.refused.iter().map(|refused| refused.coin_id).collect();
        Self {
            pages: chunk.page.pages,
            chunks: chunk.chunks,
            size: if chunk.chunks > 1 { chunk.size } else { None },
            fetched_at: timestamp::to_millis(chunk.page.fetched_at),
            sorted: chunk.chunks > 1 && chunk.sorted,
            transformed_at: timestamp::to_millis(chunk.transformed_at),
            loaded_at: now,
            coins_in: chunk.coins_in.into(),
            rejected: u64::from(chunk.rejected) + refused.len() as u64,
            written: loaded.written,
            unchanged: loaded.unchanged,
            stale: loaded.stale,
            loads: 1,
        }
    }

    /// As chunk `chunk` of page `page` of `batch`.
    pub(super) fn line(&self, batch: &BatchId, page: u32, chunk: u32) -> LedgerLine {
        let Self { chunks, size, fetched_at, rejected, .. } = *self;
        let batch = batch.clone();
        LedgerLine { batch, page, chunk, chunks, size, fetched_at: Some(fetched_at), rejected }
    }

    /// What is known after `new` was loaded, too.
    pub(super) fn then(self, new: Self) -> Self {
        let (loads, loaded_at) = (self.loads + 1, self.loaded_at.max(new.loaded_at));
        if new.transformed_at < self.transformed_at {
            return Self { loaded_at, loads, ..self };
        }
        if !self.fits(&new) {
            return Self { loaded_at, loads, ..new };
        }
        // A repeat keeps what its first load found.
        let Self { written, unchanged, stale, .. } = self;
        Self { loaded_at, written, unchanged, stale, loads, ..new }
    }

    /// Whether the two are parts of one whole: the same fetch of a page, cut into as many chunks of one size in one order.
    fn fits(&self, other: &Self) -> bool {
        let has_one_size = match (self.size, other.size) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        };
        self.chunks == other.chunks
            && self.fetched_at == other.fetched_at
            && self.sorted == other.sorted
            && has_one_size
    }
}

/// Of each page, those parts that fit to the one that was transformed last. Of several that were, it is the one with more
/// chunks, of a larger size, fetched later, sorted.
pub(super) fn counted(parts: &BTreeMap<(u32, u32), Part>) -> BTreeMap<(u32, u32), &Part> {
    let mut newest: BTreeMap<u32, &Part> = BTreeMap::new();
    let rank = |part: &Part| (part.transformed_at, part.chunks, part.size, part.fetched_at, part.sorted);
    for ((page, _), part) in parts {
        let held = newest.entry(*page).or_insert(part);
        if rank(part) > rank(held) {
            *held = part;
        }
    }
    parts.iter().filter(|((page, _), part)| part.fits(newest[page])).map(|(key, part)| (*key, part)).collect()
}

/// Which of `pages` pages, and which chunks of theirs, are not among the `counted`.
pub(super) fn missing(counted: &BTreeMap<(u32, u32), &Part>, pages: u32) -> Vec<Missing> {
    let mut missing = Vec::new();
    for page in 1..=pages {
        let Some((_, first)) = counted.range((page, 0)..=(page, u32::MAX)).next() else {
            missing.push(Missing::Page(page));
            continue;
        };
        let of = first.chunks;
        for chunk in 1..=of {
            if !counted.contains_key(&(page, chunk)) {
                missing.push(Missing::Chunk { page, chunk, of });
            }
        }
    }
    missing
}

/// Which chunks came with which replay: by page, replay, chunks of the page, their size, and whether they were sorted.
#[derive(Default)]
pub(super) struct Replays(BTreeMap<ReplayedCut, BTreeSet<u32>>);

type ReplayedCut = (u32, ReplayId, u32, Option<u32>, bool);

impl Replays {
    pub(super) fn add(&mut self, chunk: &Chunk) {
        if chunk.is_replay() {
            let replay = chunk.replay.clone().unwrap_or(ReplayId::unnamed());
            let size = if chunk.chunks > 1 { chunk.size } else { None };
            let sorted = chunk.chunks > 1 && chunk.sorted;
            let key = (chunk.page.page, replay, chunk.chunks, size, sorted);
            self.0.entry(key).or_default().insert(chunk.chunk);
        }
    }

    /// For each page, the replays that brought every chunk of it, all cut in one way.
    pub(super) fn whole(&self) -> BTreeMap<u32, BTreeSet<ReplayId>> {
        let mut whole: BTreeMap<u32, BTreeSet<ReplayId>> = BTreeMap::new();
        for ((page, replay, chunks, ..), came) in &self.0 {
            if came.len() == *chunks as usize {
                whole.entry(*page).or_default().insert(replay.clone());
            }
        }
        whole
    }
}

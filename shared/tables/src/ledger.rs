//! From the rows of the ledger to the record of a batch, once for all stores.

mod page;
mod replays;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Slot, Verdict, timestamp};

use page::Page;
use ports::{BatchRecord, Dropped, Loaded, store::Missing};
pub use replays::ReplayRow;

/// A row of `batches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// The batch.
    pub id: BatchId,
    /// Its slot.
    pub slot: Slot,
    /// What was fetched.
    pub endpoint: String,
    /// Currencies asked for.
    pub convert: Vec<String>,
    /// Whether a simulator made it up.
    pub simulated: bool,
    /// When its last page arrived; this and the next two are `None` until it was announced.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Pages it has.
    pub pages: Option<u32>,
    /// Credits it cost.
    pub credits: Option<u32>,
    /// What its fetcher found wrong with it.
    pub verdict: Option<Verdict>,
    /// That it was dropped.
    pub dropped: Option<Dropped>,
}

/// A row of `batch_chunks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its page, from 1.
    pub page: u32,
    /// Its number in the page, from 1.
    pub chunk: u32,
    /// Pages of the batch, as the page says.
    pub pages: u32,
    /// The cut that it is a part of.
    pub cut: Cut,
    /// When its newest version was transformed.
    pub transformed_at: DateTime<Utc>,
    /// When it was last loaded.
    pub loaded_at: DateTime<Utc>,
    /// Coins that the source sent for it.
    pub coins_in: u64,
    /// Coins that a rule or the database refused.
    pub rejected: u64,
    /// Quotes written at the first load of its cut; so the next two.
    pub written: u64,
    /// Quotes that were there already.
    pub unchanged: u64,
    /// Quotes older than the table.
    pub stale: u64,
    /// How often it was loaded.
    pub loads: u32,
    /// Whether it says of quotes that they are in the tables: not when it had none, nor when its batch was taken out.
    pub has_quotes: bool,
}

/// The *cut* of a page: which fetch of it, cut into chunks of which size, in which order. Only chunks of the same cut are parts of one
/// whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// Chunks of the page.
    pub chunks: u32,
    /// Coins in each but the last; `None` when there is only one, and when a message of an older version did not say.
    pub size: Option<u32>,
    /// When the page was fetched; `None` in rows of older versions.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Whether its coins were sorted by id first; never when there is only one. Older versions cut pages as they came.
    pub sorted: bool,
}

impl Cut {
    /// The cut that `chunk` is a part of.
    pub fn of(chunk: &Chunk) -> Self {
        Self {
            chunks: chunk.chunks,
            size: chunk.size.filter(|_| chunk.chunks > 1),
            fetched_at: Some(timestamp::to_millis(chunk.page.fetched_at)),
            sorted: chunk.sorted && chunk.chunks > 1,
        }
    }

    /// Whether it is the same cut as `other`. What one of them does not say does not tell them apart.
    pub fn is(self, other: Self) -> bool {
        fn agree<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        (self.chunks, self.sorted) == (other.chunks, other.sorted)
            && agree(self.size, other.size)
            && agree(self.fetched_at, other.fetched_at)
    }
}

/// The records of `batches`, in their order. `chunks` and `replays` are their rows, in any order.
pub fn records(
    batches: impl IntoIterator<Item = BatchRow>,
    chunks: impl IntoIterator<Item = (BatchId, ChunkRow)>,
    replays: impl IntoIterator<Item = (BatchId, ReplayRow)>,
) -> Vec<BatchRecord> {
    let (mut chunks, mut replays) = (by_batch(chunks), by_batch(replays));
    let one = |batch: BatchRow| {
        let chunks = chunks.remove(&batch.id).unwrap_or_default();
        let replays = replays.remove(&batch.id).unwrap_or_default();
        record(batch, chunks, replays)
    };
    batches.into_iter().map(one).collect()
}

fn by_batch<T>(rows: impl IntoIterator<Item = (BatchId, T)>) -> HashMap<BatchId, Vec<T>> {
    let mut by_batch: HashMap<_, Vec<_>> = HashMap::new();
    for (batch, row) in rows {
        by_batch.entry(batch).or_default().push(row);
    }
    by_batch
}

/// The record of `batch`. `chunks` and `replays` are its rows, in any order.
pub fn record(
    batch: BatchRow,
    chunks: impl IntoIterator<Item = ChunkRow>,
    replays: impl IntoIterator<Item = ReplayRow>,
) -> BatchRecord {
    let BatchRow { id, slot, endpoint, convert, simulated, fetched_at, pages, credits, verdict, dropped } =
        batch;
    let mut record = BatchRecord {
        id,
        slot,
        endpoint,
        convert,
        simulated,
        fetched_at,
        transformed_at: None,
        loaded_at: None,
        pages: None,
        credits,
        verdict,
        dropped,
        is_half_dropped: false,
        coins_in: 0,
        rejected: 0,
        written: 0,
        unchanged: 0,
        stale: 0,
        loads: 0,
        replays: 0,
        page_replays: replays::whole(replays),
        missing: Vec::new(),
    };
    let mut loaded: BTreeMap<u32, Page> = BTreeMap::new();
    let mut pages_by_chunks = None;
    for row in chunks {
        pages_by_chunks = pages_by_chunks.max(Some(row.pages));
        record.is_half_dropped |= row.has_quotes && record.dropped.is_some();
        record.transformed_at = record.transformed_at.max(Some(row.transformed_at));
        record.loaded_at = record.loaded_at.max(Some(row.loaded_at));
        record.loads = record.loads.max(row.loads);
        loaded.entry(row.page).or_default().add(row);
    }
    // Until the announcement came, the pages themselves say how many there are.
    record.pages = pages.or(pages_by_chunks);
    let mut fewest = None;
    for number in 1..=record.pages.unwrap_or(0) {
        let page = loaded.get(&number);
        match page {
            Some(page) => record.missing.extend(page.missing(number)),
            None => record.missing.push(Missing::Page(number)),
        }
        for row in page.into_iter().flat_map(Page::counted) {
            record.coins_in += row.coins_in;
            record.rejected += row.rejected;
            record.written += row.written;
            record.unchanged += row.unchanged;
            record.stale += row.stale;
        }
        let replays = record.page_replays.get(&number).map_or(0, BTreeSet::len);
        fewest = Some(fewest.map_or(replays, |fewest: usize| fewest.min(replays)));
    }
    if record.dropped.is_some() {
        // Nothing more of it is to come.
        record.missing.clear();
    }
    if record.missing.is_empty() {
        record.replays = u32::try_from(fewest.unwrap_or(0)).unwrap_or(u32::MAX);
    }
    record
}

/// How many coins of a chunk the database refused. One refused in several currencies is one coin.
pub fn refused_coins(loaded: &Loaded) -> u64 {
    loaded.refused.iter().map(|refused| refused.coin_id).collect::<BTreeSet<_>>().len() as u64
}

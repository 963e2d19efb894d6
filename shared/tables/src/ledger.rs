//! From the lines of a ledger to what is known of a batch, once for all stores.

mod page;
mod replays;
pub mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Slot, timestamp};

use page::Page;
use ports::{BatchRecord, Loaded, store::Missing};
pub use replays::ReplayLine;

/// A row of `batches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLine {
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
}

/// A row of `batch_chunks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLine {
    /// Its page, from 1.
    pub page: u32,
    /// Its number in the page, from 1.
    pub chunk: u32,
    /// Pages of the batch, as the page says.
    pub pages: u32,
    /// What it is a part of.
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
}

/// Which fetch of a page, cut into chunks of which size: chunks of one cut are parts of one whole, those of another are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// Chunks of the page.
    pub chunks: u32,
    /// Coins in each but the last; `None` when there is only one, and when a message of an older version did not say.
    pub size: Option<u32>,
    /// When the page was fetched; `None` in lines of older versions.
    pub fetched_at: Option<DateTime<Utc>>,
}

impl Cut {
    /// What `chunk` is a part of.
    pub fn of(chunk: &Chunk) -> Self {
        Self {
            chunks: chunk.chunks,
            size: chunk.size.filter(|_| chunk.chunks > 1),
            fetched_at: Some(timestamp::to_millis(chunk.page.fetched_at)),
        }
    }

    /// Whether it is the same cut as `other`, as far as they say.
    pub fn is(self, other: Self) -> bool {
        fn agree<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        self.chunks == other.chunks
            && agree(self.size, other.size)
            && agree(self.fetched_at, other.fetched_at)
    }
}

/// What is known of `batches`, in their order, from the lines of theirs, which come in any order.
pub fn records(
    batches: impl IntoIterator<Item = BatchLine>,
    chunks: impl IntoIterator<Item = (BatchId, ChunkLine)>,
    replays: impl IntoIterator<Item = (BatchId, ReplayLine)>,
) -> Vec<BatchRecord> {
    let (mut chunks, mut replays) = (by_batch(chunks), by_batch(replays));
    let one = |batch: BatchLine| {
        let chunks = chunks.remove(&batch.id).unwrap_or_default();
        let replays = replays.remove(&batch.id).unwrap_or_default();
        record(batch, chunks, replays)
    };
    batches.into_iter().map(one).collect()
}

fn by_batch<T>(lines: impl IntoIterator<Item = (BatchId, T)>) -> HashMap<BatchId, Vec<T>> {
    let mut by_batch: HashMap<_, Vec<_>> = HashMap::new();
    for (batch, line) in lines {
        by_batch.entry(batch).or_default().push(line);
    }
    by_batch
}

/// What is known of `batch` from its `chunks` and `replays`, which come in any order.
pub fn record(
    batch: BatchLine,
    chunks: impl IntoIterator<Item = ChunkLine>,
    replays: impl IntoIterator<Item = ReplayLine>,
) -> BatchRecord {
    let BatchLine { id, slot, endpoint, convert, simulated, fetched_at, pages, credits } = batch;
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
    for line in chunks {
        pages_by_chunks = pages_by_chunks.max(Some(line.pages));
        record.transformed_at = record.transformed_at.max(Some(line.transformed_at));
        record.loaded_at = record.loaded_at.max(Some(line.loaded_at));
        record.loads = record.loads.max(line.loads);
        loaded.entry(line.page).or_default().add(line);
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
        for line in page.into_iter().flat_map(Page::counted) {
            record.coins_in += line.coins_in;
            record.rejected += line.rejected;
            record.written += line.written;
            record.unchanged += line.unchanged;
            record.stale += line.stale;
        }
        let replays = record.page_replays.get(&number).map_or(0, BTreeSet::len);
        fewest = Some(fewest.map_or(replays, |fewest: usize| fewest.min(replays)));
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

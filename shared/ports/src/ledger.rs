//! From the lines of a ledger to what is known of a batch, once for all stores.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{BatchId, DeadLetter, MessageId, Slot, StageName};

use crate::store::{BatchRecord, Letters, Loaded, Missing, StoreError};

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
    /// Chunks of the page.
    pub chunks: u32,
    /// When its newest version was transformed.
    pub transformed_at: DateTime<Utc>,
    /// When it was last loaded.
    pub loaded_at: DateTime<Utc>,
    /// Coins that the source sent for it.
    pub coins_in: u64,
    /// Coins that a rule or the database refused.
    pub rejected: u64,
    /// Quotes written at the first load; so the next two.
    pub written: u64,
    /// Quotes that were there already.
    pub unchanged: u64,
    /// Quotes older than the table.
    pub stale: u64,
    /// How often it was loaded.
    pub loads: u32,
    /// How often of these from a replay.
    pub replays: u32,
}

impl BatchRecord {
    /// What is known of `batch` from its `chunks`, which come in any order.
    pub fn new(batch: BatchLine, chunks: impl IntoIterator<Item = ChunkLine>) -> Self {
        let BatchLine { id, slot, endpoint, convert, simulated, fetched_at, pages, credits } = batch;
        let mut record = Self {
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
            page_replays: BTreeMap::new(),
            missing: Vec::new(),
        };
        let mut loaded: BTreeMap<u32, Page> = BTreeMap::new();
        let mut pages_by_chunks = None;
        for line in chunks {
            loaded.entry(line.page).or_default().add(&line);
            pages_by_chunks = pages_by_chunks.max(Some(line.pages));
            record.transformed_at = record.transformed_at.max(Some(line.transformed_at));
            record.loaded_at = record.loaded_at.max(Some(line.loaded_at));
            record.coins_in += line.coins_in;
            record.rejected += line.rejected;
            record.written += line.written;
            record.unchanged += line.unchanged;
            record.stale += line.stale;
            record.loads = record.loads.max(line.loads);
        }
        // Until the announcement came, the pages themselves say how many there are.
        record.pages = pages.or(pages_by_chunks);
        let all = 1..=record.pages.unwrap_or(0);
        record.missing = all.flat_map(|page| missing(page, loaded.get(&page))).collect();
        let whole = loaded.iter().filter(|(number, page)| missing(**number, Some(page)).is_empty());
        record.page_replays = whole.map(|(number, page)| (*number, page.replays())).collect();
        if record.missing.is_empty() {
            record.replays = record.page_replays.values().copied().min().unwrap_or(0);
        }
        record
    }
}

/// What is known of a page from its chunks.
#[derive(Default)]
struct Page {
    /// How many it has. Its lines differ only when it was transformed again with another chunk size; then
    /// the newest is right.
    chunks: u32,
    transformed_at: Option<DateTime<Utc>>,
    /// Those that are loaded, and how often from a replay.
    loaded: BTreeMap<u32, u32>,
}

impl Page {
    fn add(&mut self, line: &ChunkLine) {
        self.loaded.insert(line.chunk, line.replays);
        let newness = (Some(line.transformed_at), line.chunks);
        if newness > (self.transformed_at, self.chunks) {
            (self.transformed_at, self.chunks) = newness;
        }
    }

    /// How often each of its chunks was replayed; those of an older, longer cut do not count.
    fn replays(&self) -> u32 {
        self.loaded.range(..=self.chunks).map(|(_, replays)| *replays).min().unwrap_or(0)
    }
}

fn missing(number: u32, page: Option<&Page>) -> Vec<Missing> {
    let Some(page) = page else { return vec![Missing::Page(number)] };
    let absent = (1..=page.chunks).filter(|chunk| !page.loaded.contains_key(chunk));
    absent.map(|chunk| Missing::Chunk { page: number, chunk, of: page.chunks }).collect()
}

/// The letters on the desk about what is `missing` of `batch`, asked for all at once.
pub async fn letters_about(
    letters: &dyn Letters,
    batch: &BatchId,
    missing: &[Missing],
) -> Result<BTreeMap<Missing, MessageId>, StoreError> {
    let chunk = |page, chunk| DeadLetter::id_for(StageName::Loader, &batch.chunk_id(page, chunk));
    let about = |missing: Missing| match missing {
        // Its chunks may all have died; then the first speaks for all.
        Missing::Page(page) => {
            vec![DeadLetter::id_for(StageName::Transformer, &batch.page_id(page)), chunk(page, 1)]
        }
        Missing::Chunk { page, chunk: number, .. } => vec![chunk(page, number)],
    };
    let about: Vec<_> = missing.iter().map(|missing| (*missing, about(*missing))).collect();
    let ids: Vec<_> = about.iter().flat_map(|(_, ids)| ids).map(MessageId::as_str).collect();
    let filed = letters.filed(&ids).await?;
    let first = |ids: Vec<MessageId>| ids.into_iter().find(|id| filed.contains(id.as_str()));
    Ok(about.into_iter().filter_map(|(missing, ids)| Some((missing, first(ids)?))).collect())
}

/// How many coins of a chunk the database refused. One refused in several currencies is one coin.
pub fn refused_coins(loaded: &Loaded) -> u64 {
    loaded.refused.iter().map(|refused| refused.coin_id).collect::<BTreeSet<_>>().len() as u64
}

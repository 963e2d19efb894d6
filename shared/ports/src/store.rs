//! The store ports: the tables that users query, the ledger of batches, and the dead-letter desk.
//!
//! One adapter implements all of them over one database; each caller takes only the traits it needs.

mod letters;
mod outbox;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Fetched, ReplayId, Slot};

pub use letters::{AlertGroup, Death, FiledLetter, GroupState, LetterSummary, Letters};
pub use outbox::{
    CLOCK_SKEW, Claim, ClaimedMail, Covered, Fate, Mail, MailResult, MailTrouble, Outbox, OutboxState,
    Planner, PostedMail, Posting,
};

/// What a store cannot do. The adapter decides which; callers only ask [`is_transient`](Self::is_transient).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is busy, full or read-only. Waiting helps.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What happened, without secrets.
        reason: String,
    },
    /// Someone has to change the configuration or the database first (a missing table, a refused login,
    /// a schema that is newer than this program). Waiting does not help.
    #[error("the store is misconfigured: {reason}")]
    Misconfigured {
        /// What is wrong and what to do, without secrets.
        reason: String,
    },
    /// What [`Store::load_all`] or [`Store::record_fetched`] was given is made up and the store holds real data, or the
    /// other way round. Nothing was written. Waiting does not help.
    #[error("{}", mixed(*.simulated))]
    Mixed {
        /// Whether what was given is made up.
        simulated: bool,
    },
}

fn mixed(simulated: bool) -> &'static str {
    if simulated {
        "simulated quotes must not be mixed into a store that holds real ones"
    } else {
        "real quotes must not be mixed into a store that holds simulated ones"
    }
}

impl StoreError {
    /// Whether waiting and trying again can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// A quote that the database refused although it passed the cleaning rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose quote.
    pub coin_id: u32,
    /// The database's reason.
    pub reason: String,
}

/// What became of the quotes of a chunk. A quote is one coin in one currency;
/// `written + unchanged + stale + refused` is the number of quotes in the chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Newer than what `quotes_latest` held, by `last_updated` or, with other numbers, by fetch time; and
    /// written there.
    pub written: u64,
    /// Already there: the same numbers with the same `last_updated`, or an equal `last_updated` that was
    /// fetched later.
    pub unchanged: u64,
    /// Older than what `quotes_latest` held: only the history took them.
    pub stale: u64,
    /// Refused by the database; the others were loaded.
    pub refused: Vec<Refused>,
    /// The newest `last_updated` of those that were not refused.
    pub newest_quote_at: Option<DateTime<Utc>>,
    /// The fetch time of the chunk, when one of its quotes entered `quotes_latest`; so also when it says no more than
    /// that the quote was seen again.
    pub newest_fetch_at: Option<DateTime<Utc>>,
}

impl Loaded {
    /// Adds what became of another `part` of the chunk.
    pub fn add(&mut self, part: Self) {
        self.written += part.written;
        self.unchanged += part.unchanged;
        self.stale += part.stale;
        self.refused.extend(part.refused);
        self.newest_quote_at = self.newest_quote_at.max(part.newest_quote_at);
        self.newest_fetch_at = self.newest_fetch_at.max(part.newest_fetch_at);
    }
}

/// The write side: what the loader needs.
///
/// # Guarantees
/// - [`load_all`](Self::load_all) is one transaction: the rows of all chunks and their rows in the ledger together or not
///   at all.
/// - Any order and any duplication of the same chunks gives the same rows in `coins`,
///   `coin_identities`, `quotes_latest` and `quotes_history`:
///   - `quotes_latest` holds, per (coin, currency), the quote with the greatest (`last_updated`,
///     `fetched_at`). So a quote that is fetched again unchanged keeps its numbers and names its newest
///     fetch: `fetched_at` tells when it was last seen;
///   - `quotes_history` holds, per (coin, currency, `last_updated`), the one with the greatest
///     `fetched_at`;
///   - `coins` holds the description with the greatest `fetched_at`, the smallest `first_seen_at` and the
///     greatest `last_seen_at` (both are fetch times);
///   - `coin_identities` holds each (coin, symbol, name, slug) ever seen with its first and last fetch
///     time; the view `coin_changes` reads renames from it.
///   Of equal fetch times, the first that came stays, but a [rebuild](Chunk::is_rebuild) takes the place of
///   what has its own fetch time, in all three. What it rejects stays as it was.
/// - Doubles are kept bit for bit; instants to the millisecond.
/// - Real and simulated data never share a store: its first chunk or announcement decides for all, within its own
///   transaction, and what is of the other kind is refused as [`StoreError::Mixed`], however many write at once.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Loads the rows of `chunks` and records each in the ledger (again, when it is a repeat: its row counts the loads).
    /// Rows need not have distinct coins, chunks need not be distinct.
    ///
    /// What comes out for each chunk, and the tables in the end, are what they would be if the chunks were loaded one after
    /// the other in this order; so a quote that a later one beats counts as written all the same. All of `chunks` are of
    /// one kind, real or simulated.
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError>;

    /// Loads one chunk, as [`load_all`](Self::load_all) does.
    async fn load(&self, chunk: &Chunk) -> Result<Loaded, StoreError> {
        Ok(self.load_all(&[chunk]).await?.pop().unwrap_or_default())
    }

    /// Records in the ledger that a batch was fetched. A repeat changes nothing but a later
    /// `fetched_at`, which wins together with its pages and credits.
    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError>;

    /// `Ok` when the store can take writes now, as far as a small one proves it: one that is made, not one that is
    /// only begun.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Deletes up to `limit` rows of `quotes_history` whose `last_updated` is before `before`, oldest first, and
    /// says how many. With a small limit nobody waits long for it. `quotes_latest` keeps what it has.
    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// Whether the store holds batches of simulated data, and of real data. Writing decides by itself.
    async fn origins(&self) -> Result<DataKinds, StoreError>;
}

/// Which kinds of data a store holds. Both at once should never happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataKinds {
    /// At least one batch was simulated.
    pub simulated: bool,
    /// At least one batch was real.
    pub real: bool,
}

/// One batch in the ledger. Counts of rows are sums over the chunks recorded so far. When a page was cut into chunks
/// of another size, or fetched again, its newest cut alone counts: the one transformed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The batch.
    pub id: BatchId,
    /// Its slot.
    pub slot: Slot,
    /// What was fetched: `listings`.
    pub endpoint: String,
    /// Currencies asked for.
    pub convert: Vec<String>,
    /// Whether a simulator made it up.
    pub simulated: bool,
    /// When its last page arrived; `None` until the announcement was recorded.
    pub fetched_at: Option<DateTime<Utc>>,
    /// When its newest chunk was transformed.
    pub transformed_at: Option<DateTime<Utc>>,
    /// When its newest chunk was loaded.
    pub loaded_at: Option<DateTime<Utc>>,
    /// Pages it should have; `None` until known.
    pub pages: Option<u32>,
    /// Credits it cost; `None` until the announcement was recorded.
    pub credits: Option<u32>,
    /// Coins that the source sent.
    pub coins_in: u64,
    /// Coins that a rule or the database rejected.
    pub rejected: u64,
    /// Quotes written to `quotes_latest`.
    pub written: u64,
    /// Quotes that were there already.
    pub unchanged: u64,
    /// Quotes older than the table.
    pub stale: u64,
    /// The most often any of its chunks was loaded; 1 means no repeats or replays.
    pub loads: u32,
    /// How many replays loaded each of its pages, whole: the fewest for any page. 0 while something is missing.
    pub replays: u32,
    /// For each page, the replays that loaded all chunks of it. Those of older versions do not say which they
    /// are, and are one.
    pub page_replays: BTreeMap<u32, BTreeSet<ReplayId>>,
    /// What has not been loaded, in order. Empty when complete.
    pub missing: Vec<Missing>,
}

impl BatchRecord {
    /// Whether every chunk of every page is in the tables.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// A part of a batch that has not been loaded: `page 2`, or `page 1 chunk 3 of 5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// All of a page, as far as the ledger knows.
    Page(u32),
    /// A chunk of a page of which others were loaded.
    Chunk {
        /// The page.
        page: u32,
        /// Its chunk.
        chunk: u32,
        /// How many chunks the page has.
        of: u32,
    },
}

impl Missing {
    /// The page that it is, or is of.
    pub fn page(self) -> u32 {
        match self {
            Self::Page(page) | Self::Chunk { page, .. } => page,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(page) => write!(f, "page {page}"),
            Self::Chunk { page, chunk, of } => write!(f, "page {page} chunk {chunk} of {of}"),
        }
    }
}

/// The ledger of batches.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// The `limit` newest batches by slot, newest first. As many statements for a thousand as for one.
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError>;

    /// One batch.
    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError>;

    /// Those of `ids` that there are, newest slot first, as of one moment: for polling a few batches.
    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError>;
}

/// How much the tables hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows of `coins`.
    pub coins: u64,
    /// Rows of `quotes_latest`.
    pub quotes_latest: u64,
    /// Rows of `quotes_history`.
    pub quotes_history: u64,
}

/// How fresh `quotes_latest` is. Neither instant ever goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The newest `last_updated`; `None` when there are no quotes.
    pub newest_quote_at: Option<DateTime<Utc>>,
    /// The newest fetch by which a quote entered `quotes_latest`.
    pub newest_fetch_at: Option<DateTime<Utc>>,
}

/// One row of the table that `coinpipe run --once` prints.
#[derive(Clone, Debug, PartialEq)]
pub struct TopCoin {
    /// Rank by market capitalisation.
    pub rank: Option<u32>,
    /// Name.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// Currency of the numbers.
    pub currency: String,
    /// Price.
    pub price: Option<f64>,
    /// Change over one hour in percent.
    pub percent_change_1h: Option<f64>,
    /// Change over 24 hours in percent.
    pub percent_change_24h: Option<f64>,
    /// Change over 7 days in percent.
    pub percent_change_7d: Option<f64>,
    /// Market capitalisation.
    pub market_cap: Option<f64>,
    /// When CoinMarketCap last changed it.
    pub last_updated: DateTime<Utc>,
}

/// A coin of the newest snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCoin {
    /// CoinMarketCap's id.
    pub id: u32,
    /// Symbol; several coins may share it.
    pub symbol: String,
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// When its page of the snapshot was fetched.
    pub fetched_at: DateTime<Utc>,
}

/// The read side of the quotes, for the operator's commands.
#[async_trait]
pub trait Quotes: Send + Sync + 'static {
    /// How fresh the quotes are. Every process asks every few seconds: two looks into indexes, however much there is.
    async fn freshness(&self) -> Result<Freshness, StoreError>;

    /// The totals. For people: it counts rows.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// The `limit` best ranked coins in `currency` of the newest snapshot with quotes in it: lowest rank first,
    /// unranked last. A coin that left the listing keeps its last rank, which another coin has by now.
    async fn top(&self, currency: &str, limit: u32) -> Result<Vec<TopCoin>, StoreError>;

    /// All coins of the newest snapshot with quotes in `currency`, by id.
    async fn listed(&self, currency: &str) -> Result<Vec<ListedCoin>, StoreError>;
}

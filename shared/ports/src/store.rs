//! The store ports: the tables that users query, the ledger of batches, and the dead-letter desk.
//!
//! One adapter implements all of them over one database; each caller takes only the traits it needs.

mod browse;
mod desk;
mod drops;
mod ledger;
mod letters;
mod mail;
mod outbox;
mod processes;
mod proofs;
mod quotes;
mod schedules;
mod silences;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Chunk, Fetched, MarketChunk, Schedule};

pub use browse::{
    Browse, ChartPoint, CoinIdentity, CoinQuote, CoinRecord, CurrencyUse, Divided, HistorySpan, KeyValue,
    MarketColumn, MarketKey, MarketQuery, MarketRow, MarketSort, MarketTable, MarketThen, NewestQuote,
    NewestSnapshot, PastQuote, Search, Start,
};
pub use desk::{
    Action, Desk, DeskLetter, Handling, HourOfGroup, Kept, LetterFilter, LetterKey, LetterState,
    LoggedAction, Unsettled,
};
pub use drops::{DropPortion, DropPosition, Dropped, Drops, Marked};
pub use ledger::{BatchKey, BatchRecord, Course, Ledger, Missing, Paid};
pub use letters::{
    AlertGroup, Death, FLAPPING, FLAPPING_WITHIN, FiledCounts, FiledLetter, GroupState, LetterSummary,
    Letters,
};
pub use mail::{Channel, Mail};
pub use outbox::{
    CLOCK_SKEW, Claim, ClaimedMail, Covered, Fate, MailResult, MailTrouble, Outbox, OutboxState, Planner,
    PostedMail, Posting,
};
pub use processes::{ALIVE_EVERY, GONE_AFTER, Life, ProcessRecord, Processes, StageRate};
pub use proofs::{LedgerLine, Proofs, QuoteKey};
pub use quotes::{Freshness, ListedCoin, Quotes, TopCoin, Totals};
pub use schedules::{FetchedSlot, Schedules};
pub use silences::{Silence, Silences};

/// Quotes that are best loaded in one transaction, at most: those of five pages. More of them make a transaction longer, not
/// the average quote cheaper.
pub const MOST_QUOTES: usize = 25_000;

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
    /// [`Store::load_all`], [`Store::record_fetched`] or [`Store::record_schedule`] was given simulated data and the store holds real data, or the other
    /// way round. Nothing was written. Waiting does not help.
    #[error("{}", mixed(*.simulated))]
    Mixed {
        /// Whether the given data is simulated.
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
    /// What an adapter says: whether waiting helps, and what happened or what to do, without secrets.
    pub fn by_adapter(is_transient: bool, reason: String) -> Self {
        if is_transient { Self::Unavailable { reason } } else { Self::Misconfigured { reason } }
    }

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
/// `written + unchanged + stale + refused` is the number of quotes in the chunk, unless it `is_dropped`.
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
    /// Whether the chunk was left out, because its [batch was dropped](Drops).
    pub is_dropped: bool,
    /// The oldest `last_updated` of those that were not refused.
    pub oldest_quote_at: Option<DateTime<Utc>>,
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
        self.is_dropped |= part.is_dropped;
        self.oldest_quote_at = self.oldest_quote_at.into_iter().chain(part.oldest_quote_at).min();
        self.newest_quote_at = self.newest_quote_at.max(part.newest_quote_at);
        self.newest_fetch_at = self.newest_fetch_at.max(part.newest_fetch_at);
    }
}

/// Who is told that a load has done what others can do at the same time.
#[async_trait]
pub trait Halfway: Send + Sync {
    /// What is left of the load would wait for the end of those before it. Returns when it may go on. The store waits for that no
    /// longer than it likes, and tells it again when the transaction is done again, or in parts.
    async fn reached(&self);
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
    /// Rows need not have distinct coins, chunks need not be distinct. A row without quotes changes nothing, its coin's
    /// description included.
    ///
    /// What comes out for each chunk, and the tables in the end, are what they would be if the chunks were loaded one after
    /// the other in this order; so a quote that a later one of the same call replaces still counts as written. All of
    /// `chunks` are of one kind, real or simulated. A chunk of a batch that was [dropped](Drops) changes nothing, the ledger
    /// included.
    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError>;

    /// As [`load_all`](Self::load_all). A store that can do a part of two loads at the same time tells `halfway` when that part is
    /// done; the others never do.
    async fn load_beside(&self, chunks: &[&Chunk], halfway: &dyn Halfway) -> Result<Vec<Loaded>, StoreError> {
        let _never_told = halfway;
        self.load_all(chunks).await
    }

    /// Loads one chunk, as [`load_all`](Self::load_all) does.
    async fn load(&self, chunk: &Chunk) -> Result<Loaded, StoreError> {
        Ok(self.load_all(&[chunk]).await?.pop().unwrap_or_default())
    }

    /// Loads rows of a kind of the market, and records their chunk in the ledger, in one transaction. In any order and any
    /// duplication, the table of the kind holds of each key the row with the greatest `fetched_at`; of equal ones the first that
    /// came, or that of a rebuild. A list also holds the first and the last slot in which its rows were seen. None of it counts
    /// for how fresh the quotes are.
    ///
    /// What a map no longer has is told by the maps that are whole: those of which every chunk is loaded and whose announcement does
    /// not call them incomplete. Whether one is, is known when this or [`record_fetched`](Self::record_fetched), whichever comes
    /// last, returns.
    ///
    /// Of [`Loaded`], `stale` are rows older than what the table held.
    async fn load_market(&self, chunk: &MarketChunk) -> Result<Loaded, StoreError>;

    /// Records in the ledger that a batch was fetched. A repeat changes nothing but a later
    /// `fetched_at`, which wins together with its pages and credits.
    async fn record_fetched(&self, fetched: &Fetched) -> Result<(), StoreError>;

    /// Records that a schedule is in force. A repeat changes nothing but a later `confirmed_at`; any order of the same
    /// schedules gives the same rows. Refused as [`StoreError::Mixed`] when the store holds the other kind of data; in an empty
    /// store it does not decide.
    async fn record_schedule(&self, schedule: &Schedule) -> Result<(), StoreError>;

    /// `Ok` when the store can take writes now, as far as a small committed write proves it.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Deletes up to `limit` rows of `quotes_history` whose `last_updated` is before `before`, oldest first, and
    /// says how many. A small limit keeps the transaction short. `quotes_latest` keeps what it has.
    async fn prune_history(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// Whether the store holds simulated data, and real data. Writes check it
    /// themselves.
    async fn data_kinds(&self) -> Result<DataKinds, StoreError>;
}

/// Which kinds of data a store holds. Both at once should never happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataKinds {
    /// At least one batch was simulated.
    pub simulated: bool,
    /// At least one batch was real.
    pub real: bool,
}

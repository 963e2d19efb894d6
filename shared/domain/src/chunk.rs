//! A chunk: cleaned rows of one page, as they travel to the loader.

use chrono::{DateTime, Utc};

use crate::coin::CoinRow;
use crate::headers::{Headers, header};
use crate::message::MessageId;
use crate::origin::Origin;
use crate::page::PageMeta;
use crate::quote::Quote;
use crate::replay::ReplayId;

/// What [`header::CHUNK_ORDER`] says of chunks that were cut from coins sorted by id.
const BY_ID: &str = "id";

/// About 1,000 coins of one page after cleaning: what travels on the rows queue, is loaded in one
/// transaction, and is one line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Where the page came from. `page.origin` tells live data from a replay.
    pub page: PageMeta,
    /// Number of this chunk in its page, from 1.
    pub chunk: u32,
    /// How many chunks the page has, at least 1: an empty page is one chunk without rows.
    pub chunks: u32,
    /// How many coins each chunk of the page has, but the last; two chunks are parts of one whole only when they were
    /// cut alike. It travels in a [header](header::CHUNK_COINS); `None` when it did not.
    pub size: Option<u32>,
    /// Whether the coins of the page were sorted by id before it was cut: chunks of a page that was cut as it came hold other
    /// coins. It travels in a [header](header::CHUNK_ORDER).
    pub sorted: bool,
    /// Which replay it comes from; `None` for a live page, and when no [header](header::REPLAY_ID) says so.
    pub replay: Option<ReplayId>,
    /// When the transformer made it.
    pub transformed_at: DateTime<Utc>,
    /// Coins that the source sent for this chunk; `rows.len() + rejected`.
    pub coins_in: u32,
    /// Coins of this chunk that a rule rejected; they are in the dead letters.
    pub rejected: u32,
    /// The coins that passed.
    pub rows: Vec<CoinRow>,
}

impl Chunk {
    /// The id of the message that carries this chunk; the same whenever the page is transformed again.
    pub fn message_id(&self) -> MessageId {
        self.page.batch.chunk_id(self.page.page, self.chunk)
    }

    /// The same chunk with what its message's `headers` say about it. Those that say nothing readable are passed over.
    #[must_use]
    pub fn with_headers(mut self, headers: &Headers) -> Self {
        self.size = headers.parse(header::CHUNK_COINS, "a number").ok().filter(|size| *size > 0);
        self.sorted = headers.get(header::CHUNK_ORDER) == Some(BY_ID);
        self.replay = if self.is_replay() { ReplayId::from_headers(headers) } else { None };
        self
    }

    /// The headers of the message that carries this chunk.
    pub fn headers(&self) -> Headers {
        let mut headers =
            Headers::new().with(header::BATCH, &self.page.batch).with(header::ORIGIN, self.page.origin);
        if let Some(size) = self.size {
            headers.set(header::CHUNK_COINS, size);
        }
        if self.sorted {
            headers.set(header::CHUNK_ORDER, BY_ID);
        }
        if let Some(replay) = &self.replay {
            headers.set(header::REPLAY_ID, replay);
        }
        headers
    }

    /// When `quote`, one of its own, [counts as fetched](PageMeta::quote_fetched_at).
    pub fn fetched_at(&self, quote: &Quote) -> DateTime<Utc> {
        self.page.quote_fetched_at(quote.last_updated)
    }

    /// How many quotes its coins have.
    pub fn quotes(&self) -> usize {
        self.rows.iter().map(|row| row.quotes.len()).sum()
    }

    /// Whether this chunk came from the archive.
    pub fn is_replay(&self) -> bool {
        !self.page.origin.is_fetched()
    }

    /// Whether its rows take the place of those that were made of the same page before.
    pub fn is_rebuild(&self) -> bool {
        self.page.origin == Origin::Rebuild
    }
}

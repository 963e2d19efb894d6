//! Chunks that are loaded in one transaction, as one set of rows: [`transaction::Load`].
//!
//! Works out in memory what loading the chunks one after the other would leave in the tables, so that each row is written once.
//! The rules are those of [`Store`](ports::Store). [`quotes::judge`] and [`coins::changes`] are given what the tables hold; the
//! statements compare again, because programs of other versions may write, too.

pub mod coins;
mod loading;
pub mod quotes;
pub(crate) mod read;
pub mod statements;
mod stored;
pub mod transaction;

use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, PageMeta, Quote, timestamp};

/// What stands for a batch in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNumber {
    /// The number.
    pub number: u32,
    /// Whether the batch was dropped: nothing of it is loaded.
    pub is_dropped: bool,
}

/// A quote of one of the chunks.
#[derive(Clone, Copy, Debug)]
pub struct LoadRow<'a> {
    /// Which of the chunks it is of, from 0.
    pub chunk: usize,
    /// The page of that chunk.
    pub page: &'a PageMeta,
    /// The number that stands for its batch in the history.
    pub batch: u32,
    /// When it [counts as fetched](Chunk::fetched_at), in whole milliseconds.
    pub fetched_at: DateTime<Utc>,
    /// When its page was fetched, in whole milliseconds: then the coin was seen.
    pub seen_at: DateTime<Utc>,
    /// Whether the chunk is of a [rebuild](Chunk::is_rebuild).
    pub is_rebuild: bool,
    /// Whose quote it is.
    pub coin: &'a Coin,
    /// The quote.
    pub quote: &'a Quote,
}

impl LoadRow<'_> {
    /// When the quote changed, in whole milliseconds, as tables hold it.
    pub fn last_updated(&self) -> DateTime<Utc> {
        timestamp::to_millis(self.quote.last_updated)
    }

    /// Whether it replaces a row of the same key that was fetched at `fetched_at`, and is of the chunk `chunk`, or in the table
    /// when that is `None`. The later fetch wins; of equal ones a rebuild wins, but not over its own chunk.
    fn is_after(&self, fetched_at: DateTime<Utc>, chunk: Option<usize>) -> bool {
        self.replaces(self.fetched_at, fetched_at, chunk)
    }

    /// The same for what its page says of the coin, against what was seen at `seen_at`.
    fn describes_after(&self, seen_at: DateTime<Utc>, chunk: Option<usize>) -> bool {
        self.replaces(self.seen_at, seen_at, chunk)
    }

    fn replaces(&self, new: DateTime<Utc>, held: DateTime<Utc>, chunk: Option<usize>) -> bool {
        new > held || new == held && self.is_rebuild && chunk != Some(self.chunk)
    }
}

/// Rows to write, split by what becomes of a row in the table that has the same fetch time.
#[derive(Debug)]
pub struct Split<T> {
    /// It stays.
    pub new: Vec<T>,
    /// They are of rebuilds, and replace it.
    pub rebuilt: Vec<T>,
}

impl<T> Split<T> {
    fn of(rows: impl IntoIterator<Item = T>, is_rebuild: impl Fn(&T) -> bool) -> Self {
        let (rebuilt, new) = rows.into_iter().partition(is_rebuild);
        Self { new, rebuilt }
    }
}

/// The quotes of `chunks`, sorted by coin; those of a coin in the order of the chunks. All loaders lock coins in this order, so
/// that they do not deadlock. `numbers` are those of the chunks' batches, of which dropped ones have no rows.
fn rows<'a>(chunks: &[&'a Chunk], numbers: &[BatchNumber]) -> Vec<LoadRow<'a>> {
    let mut rows = Vec::with_capacity(chunks.iter().map(|chunk| chunk.quotes()).sum());
    for (place, (chunk, batch)) in chunks.iter().zip(numbers).enumerate() {
        if batch.is_dropped {
            continue;
        }
        let seen_at = timestamp::to_millis(chunk.page.fetched_at);
        let is_rebuild = chunk.is_rebuild();
        let of_coin = |row: &'a domain::CoinRow| row.quotes.iter().map(move |quote| (&row.coin, quote));
        rows.extend(chunk.rows.iter().flat_map(of_coin).map(|(coin, quote)| LoadRow {
            chunk: place,
            page: &chunk.page,
            batch: batch.number,
            fetched_at: timestamp::to_millis(chunk.fetched_at(quote)),
            seen_at,
            is_rebuild,
            coin,
            quote,
        }));
    }
    rows.sort_by_key(|row| row.coin.id);
    rows
}

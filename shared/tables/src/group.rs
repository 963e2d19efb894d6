//! Chunks that are loaded in one transaction, as one set of rows.
//!
//! What loading them one after the other would leave is found here, in memory: of each key of each table one row is left to
//! write. The rules are those of [`Store`](ports::Store); what a database holds already is told to [`quotes::judge`] and
//! [`coins::changes`], and its statements compare once more, for whoever else writes.

pub mod coins;
pub mod loading;
pub mod quotes;

use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, PageMeta, Quote, timestamp};

/// A quote of one of the chunks.
#[derive(Clone, Copy, Debug)]
pub struct GroupRow<'a> {
    /// Which of the chunks it is of, from 0.
    pub chunk: usize,
    /// The page of that chunk.
    pub page: &'a PageMeta,
    /// When that page was fetched, in whole milliseconds.
    pub fetched_at: DateTime<Utc>,
    /// Whether the chunk is of a [rebuild](Chunk::is_rebuild).
    pub is_rebuild: bool,
    /// Whose quote it is.
    pub coin: &'a Coin,
    /// The quote.
    pub quote: &'a Quote,
}

impl GroupRow<'_> {
    /// When the quote changed, in whole milliseconds, as tables hold it.
    pub fn last_updated(&self) -> DateTime<Utc> {
        timestamp::to_millis(self.quote.last_updated)
    }

    /// Whether it takes the place of a row of the same key that was fetched at `fetched_at` and is of chunk `chunk`, or was
    /// there before: the later fetch does; of equal ones a rebuild does, but not of what it wrote itself.
    fn is_after(&self, fetched_at: DateTime<Utc>, chunk: Option<usize>) -> bool {
        self.fetched_at > fetched_at
            || self.fetched_at == fetched_at && self.is_rebuild && chunk != Some(self.chunk)
    }
}

/// Rows that are to be written, apart by how they meet a row that has their own fetch time.
#[derive(Debug)]
pub struct Split<T> {
    /// They leave it there.
    pub new: Vec<T>,
    /// Those of rebuilds take its place.
    pub rebuilt: Vec<T>,
}

impl<T> Split<T> {
    fn of(rows: impl IntoIterator<Item = T>, is_rebuild: impl Fn(&T) -> bool) -> Self {
        let (rebuilt, new) = rows.into_iter().partition(is_rebuild);
        Self { new, rebuilt }
    }
}

/// The quotes of `chunks` by coin, those of one coin in the order they came in. All who load lock in this order.
pub fn rows<'a>(chunks: &[&'a Chunk]) -> Vec<GroupRow<'a>> {
    let quotes = |chunk: &&Chunk| chunk.rows.iter().map(|row| row.quotes.len()).sum::<usize>();
    let mut rows = Vec::with_capacity(chunks.iter().map(quotes).sum());
    for (number, chunk) in chunks.iter().enumerate() {
        let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
        let is_rebuild = chunk.is_rebuild();
        let of_coin = |row: &'a domain::CoinRow| row.quotes.iter().map(move |quote| (&row.coin, quote));
        rows.extend(chunk.rows.iter().flat_map(of_coin).map(|(coin, quote)| GroupRow {
            chunk: number,
            page: &chunk.page,
            fetched_at,
            is_rebuild,
            coin,
            quote,
        }));
    }
    rows.sort_by_key(|row| row.coin.id);
    rows
}

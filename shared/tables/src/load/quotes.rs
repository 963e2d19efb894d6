//! Which quotes `quotes_latest` and `history` take, and what each counts as.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::Quote;
use ports::Loaded;

use super::{LoadRow, Split};

/// What `quotes_latest` holds of the coins.
#[derive(Debug, Default)]
pub struct Held(HashMap<u32, Vec<HeldQuote>>);

/// A row of `quotes_latest`. Instants are in whole milliseconds.
#[derive(Clone, Debug)]
pub struct HeldQuote {
    /// Whose quote it is.
    pub coin_id: u32,
    /// Its currency.
    pub currency: String,
    /// When it changed.
    pub last_updated: DateTime<Utc>,
    /// When it was fetched.
    pub fetched_at: DateTime<Utc>,
    /// Its numbers, where they were read: they only tell what an equal `last_updated` counts as.
    pub quote: Option<Box<Quote>>,
}

impl Held {
    /// Adds rows, or the numbers of some.
    pub fn extend(&mut self, rows: Vec<HeldQuote>) {
        for row in rows {
            let of_coin = self.0.entry(row.coin_id).or_default();
            match of_coin.iter_mut().find(|held| held.currency == row.currency) {
                Some(held) => *held = row,
                None => of_coin.push(row),
            }
        }
    }

    /// When the newest quotes of this coin were fetched: the last of them.
    pub fn newest_fetch(&self, coin: u32) -> Option<DateTime<Utc>> {
        self.0.get(&coin)?.iter().map(|held| held.fetched_at).max()
    }

    fn get(&self, row: &LoadRow<'_>) -> Option<&HeldQuote> {
        self.0.get(&row.coin.id)?.iter().find(|held| held.currency == row.quote.currency)
    }

    /// The coins for which one of `rows` has the `last_updated` that the table has, and was fetched no earlier: only the numbers
    /// tell whether it says anything new.
    pub fn coins_to_compare(&self, rows: &[LoadRow<'_>]) -> BTreeSet<u32> {
        let is_equal = |row: &&LoadRow<'_>| {
            self.get(row).is_some_and(|held| {
                held.last_updated == row.last_updated() && held.fetched_at <= row.fetched_at
            })
        };
        rows.iter().filter(is_equal).map(|row| row.coin.id).collect()
    }
}

/// What to write into `quotes_latest`, in the order of its key, and what the quotes count as.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The rows of `quotes_latest`, all of which win.
    pub latest: Split<LoadRow<'a>>,
    /// When the newest quotes of each coin were fetched, once these rows are written: the last of them.
    pub newest_fetches: HashMap<u32, DateTime<Utc>>,
    /// For each chunk what its quotes count as.
    pub loaded: Vec<Loaded>,
}

/// What a quote is compared with: the one in the table, or one of the rows before it.
#[derive(Clone, Copy)]
struct Current<'c> {
    last_updated: DateTime<Utc>,
    fetched_at: DateTime<Utc>,
    quote: Option<&'c Quote>,
    /// The chunk that it is of.
    chunk: Option<usize>,
}

/// Judges `rows`, one after the other, against what the table holds of their coins; `chunks` is how many chunks they are of.
pub fn judge<'a>(rows: &[LoadRow<'a>], held: &Held, chunks: usize) -> Judged<'a> {
    let mut loaded = vec![Loaded::default(); chunks];
    let mut latest: BTreeMap<(u32, &str), LoadRow<'a>> = BTreeMap::new();
    for row in rows {
        let (coin, currency, last_updated) = (row.coin.id, row.quote.currency.as_str(), row.last_updated());
        let written = latest.get(&(coin, currency)).map(|row| Current {
            last_updated: row.last_updated(),
            fetched_at: row.fetched_at,
            quote: Some(row.quote),
            chunk: Some(row.chunk),
        });
        let current = written.or_else(|| {
            held.get(row).map(|held| Current {
                last_updated: held.last_updated,
                fetched_at: held.fetched_at,
                quote: held.quote.as_deref(),
                chunk: None,
            })
        });
        let of_chunk = &mut loaded[row.chunk];
        of_chunk.oldest_quote_at =
            Some(of_chunk.oldest_quote_at.map_or(last_updated, |at| at.min(last_updated)));
        of_chunk.newest_quote_at = of_chunk.newest_quote_at.max(Some(last_updated));
        let (wins, count) = match current {
            None => (true, &mut of_chunk.written),
            Some(current) if last_updated < current.last_updated => (false, &mut of_chunk.stale),
            Some(current) if last_updated > current.last_updated => (true, &mut of_chunk.written),
            Some(current) => {
                let wins = row.is_after(current.fetched_at, current.chunk);
                let says_more = current.quote.is_none_or(|quote| !has_numbers_of(row.quote, quote));
                (wins, if wins && says_more { &mut of_chunk.written } else { &mut of_chunk.unchanged })
            }
        };
        *count += 1;
        if wins {
            of_chunk.newest_fetch_at = Some(row.fetched_at);
            latest.insert((coin, currency), *row);
        }
    }
    let newest_fetches = newest_fetches(held, &latest);
    Judged { latest: Split::of(latest.into_values(), is_rebuild), newest_fetches, loaded }
}

fn newest_fetches(held: &Held, latest: &BTreeMap<(u32, &str), LoadRow<'_>>) -> HashMap<u32, DateTime<Utc>> {
    let stays = |held: &&HeldQuote| !latest.contains_key(&(held.coin_id, held.currency.as_str()));
    let held = held.0.values().flatten().filter(stays).map(|held| (held.coin_id, held.fetched_at));
    let mut newest = HashMap::new();
    for (coin, fetched_at) in held.chain(latest.values().map(|row| (row.coin.id, row.fetched_at))) {
        let found = newest.entry(coin).or_insert(fetched_at);
        *found = fetched_at.max(*found);
    }
    newest
}

/// The rows to offer to `history`, in the order of its key: each stays unless one that was fetched later is there (or at the same
/// time, when it is of no rebuild).
pub fn history<'a>(rows: &[LoadRow<'a>]) -> Split<LoadRow<'a>> {
    let key = |row: &LoadRow<'a>| (row.last_updated(), row.coin.id, row.quote.currency.as_str());
    let mut history = rows.to_vec();
    // Stable: those of one key stay in the order of the chunks.
    history.sort_by_key(key);
    // The one that stays is the first of those that are removed.
    history.dedup_by(|row, earlier| {
        let is_same = key(row) == key(earlier);
        if is_same && row.is_after(earlier.fetched_at, Some(earlier.chunk)) {
            *earlier = *row;
        }
        is_same
    });
    Split::of(history, is_rebuild)
}

fn is_rebuild(row: &LoadRow<'_>) -> bool {
    row.is_rebuild
}

/// Whether both have the same numbers and lack the same fields. Bit for bit, except for the sign of zero, which tables drop.
fn has_numbers_of(one: &Quote, other: &Quote) -> bool {
    let bits = |quote: &Quote| quote.numbers.map(|number| number.map(|number| (number + 0.0).to_bits()));
    one.missing == other.missing && bits(one) == bits(other)
}

#[cfg(test)]
mod tests;

//! The rows of a chunk in the order in which they are written, and in parts of which each is written whole or not at all.

use domain::{Chunk, Coin, Quote};

/// A quote and whose it is.
pub type CoinQuote<'a> = (&'a Coin, &'a Quote);

/// The quotes of `chunk` by coin, those of one coin in the order they came in: all loaders lock coins in this order.
pub fn coin_quotes(chunk: &Chunk) -> Vec<CoinQuote<'_>> {
    let quotes = |row: &'_ domain::CoinRow| row.quotes.len();
    let mut rows = Vec::with_capacity(chunk.rows.iter().map(quotes).sum());
    rows.extend(chunk.rows.iter().flat_map(|row| row.quotes.iter().map(|quote| (&row.coin, quote))));
    rows.sort_by_key(|(coin, _)| coin.id);
    rows
}

/// Rows in parts. A part that the database refuses is tried again in halves, down to a single row.
#[derive(Debug)]
pub struct Parts<'a, T> {
    /// The next one last.
    pending: Vec<&'a [T]>,
}

impl<'a, T> Parts<'a, T> {
    /// Parts of at most so many rows, in order.
    ///
    /// # Panics
    /// When `at_most` is 0.
    pub fn new(rows: &'a [T], at_most: usize) -> Self {
        Self { pending: rows.chunks(at_most).rev().collect() }
    }

    /// Takes back a part that was refused; gives its row when it is a single one: that is the row that does not fit.
    pub fn refused(&mut self, part: &'a [T]) -> Option<&'a T> {
        if let [row] = part {
            return Some(row);
        }
        let (first, second) = part.split_at(part.len() / 2);
        self.pending.extend([second, first].into_iter().filter(|half| !half.is_empty()));
        None
    }
}

impl<'a, T> Iterator for Parts<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        self.pending.pop()
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::{at, chunk, quote, row};

    use super::*;

    #[test]
    fn quotes_come_by_coin_and_then_as_they_came() {
        let mut both = row(1, 3.0, at(0));
        both.quotes.push(quote("EUR", 4.0, at(0)));
        let chunk = Chunk { rows: vec![row(2, 1.0, at(0)), row(1, 2.0, at(0)), both], ..chunk(&[]) };
        let prices: Vec<_> =
            coin_quotes(&chunk).iter().map(|(_, quote)| quote.get(domain::Measure::Price)).collect();
        assert_eq!(prices, [Some(2.0), Some(3.0), Some(4.0), Some(1.0)]);
    }

    /// Writes numbers, of which the database refuses those: what was written, and what was found to be refused.
    fn write(rows: &[u32], at_most: usize, bad: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut parts = Parts::new(rows, at_most);
        let (mut written, mut refused) = (Vec::new(), Vec::new());
        while let Some(part) = parts.next() {
            assert!(!part.is_empty() && part.len() <= at_most);
            if part.iter().any(|row| bad.contains(row)) {
                refused.extend(parts.refused(part));
            } else {
                written.extend(part);
            }
        }
        (written, refused)
    }

    #[test]
    fn only_the_rows_that_are_refused_are_left_out() {
        let rows: Vec<u32> = (0..25).collect();
        for bad in [&[][..], &[0], &[24], &[7, 8], &[0, 9, 10, 24]] {
            let good: Vec<_> = rows.iter().copied().filter(|row| !bad.contains(row)).collect();
            assert_eq!(write(&rows, 10, bad), (good, bad.to_vec()));
        }
        assert_eq!(write(&rows, 30, &rows), (vec![], rows.clone()));
        assert_eq!(write(&[], 10, &[]), (vec![], vec![]));
    }
}

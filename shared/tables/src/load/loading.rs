//! The rows of a group in parts, of which each is written whole or not at all.

use ports::store::MOST_QUOTES;
use ports::{Loaded, Refused};

use super::LoadRow;

/// The parts that are left to write, and what became of the others. A part that the database refuses is tried again in
/// halves, down to a single row.
#[derive(Debug)]
pub(super) struct Loading<'r, 'a> {
    /// The next one last.
    pending: Vec<&'r [LoadRow<'a>]>,
    loaded: Vec<Loaded>,
}

impl<'r, 'a> Loading<'r, 'a> {
    /// For `rows` in their order; `loaded` tells for each chunk what became of rows that are not among them.
    pub(super) fn new(rows: &'r [LoadRow<'a>], loaded: Vec<Loaded>) -> Self {
        Self::in_parts(rows, loaded, MOST_QUOTES)
    }

    fn in_parts(rows: &'r [LoadRow<'a>], loaded: Vec<Loaded>, at_most: usize) -> Self {
        Self { pending: rows.chunks(at_most).rev().collect(), loaded }
    }

    /// How many chunks the group has.
    pub(super) fn chunks(&self) -> usize {
        self.loaded.len()
    }

    /// A part was written; `judged` tells for each chunk what its quotes count as.
    pub(super) fn written(&mut self, judged: Vec<Loaded>) {
        for (loaded, judged) in self.loaded.iter_mut().zip(judged) {
            loaded.add(judged);
        }
    }

    /// The database refused `part` for this reason, and nothing of it was written. A single row is the one that does not fit.
    pub(super) fn refused(&mut self, part: &'r [LoadRow<'a>], reason: String) {
        if let [row] = part {
            self.loaded[row.chunk].refused.push(Refused { coin_id: row.coin.id, reason });
            return;
        }
        let (first, second) = part.split_at(part.len() / 2);
        self.pending.extend([second, first].into_iter().filter(|half| !half.is_empty()));
    }

    /// What became of each chunk, in the end; those that were refused by coin.
    pub(super) fn loaded(mut self) -> Vec<Loaded> {
        for loaded in &mut self.loaded {
            loaded.refused.sort_by_key(|refused| refused.coin_id);
        }
        self.loaded
    }
}

impl<'r, 'a> Iterator for Loading<'r, 'a> {
    type Item = &'r [LoadRow<'a>];

    fn next(&mut self) -> Option<&'r [LoadRow<'a>]> {
        self.pending.pop()
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::chunk;

    use super::*;
    use crate::load::{BatchNumber, rows};

    /// Loads coins, of which the database refuses those: what was written, and what was found to be refused.
    fn load(coins: &[u32], at_most: usize, bad: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let chunk = chunk(coins);
        let rows = rows(&[&chunk], &[BatchNumber { number: 1, is_dropped: false }]);
        let mut loading = Loading::in_parts(&rows, vec![Loaded::default()], at_most);
        let mut written = Vec::new();
        while let Some(part) = loading.next() {
            assert!(!part.is_empty() && part.len() <= at_most);
            if part.iter().any(|row| bad.contains(&row.coin.id)) {
                loading.refused(part, "no".to_owned());
            } else {
                written.extend(part.iter().map(|row| row.coin.id));
            }
        }
        let refused = loading.loaded().remove(0).refused;
        (written, refused.iter().map(|refused| refused.coin_id).collect())
    }

    #[test]
    fn only_the_rows_that_are_refused_are_left_out() {
        let coins: Vec<u32> = (0..25).collect();
        for bad in [&[][..], &[0], &[24], &[7, 8], &[0, 9, 10, 24]] {
            let good: Vec<_> = coins.iter().copied().filter(|coin| !bad.contains(coin)).collect();
            assert_eq!(load(&coins, 10, bad), (good, bad.to_vec()));
        }
        assert_eq!(load(&coins, 30, &coins), (vec![], coins.clone()));
        assert_eq!(load(&[], 10, &[]), (vec![], vec![]));
    }
}

//! A page in the ledger: only the rows of its newest cut count.

use std::collections::BTreeSet;

use super::ChunkRow;
use ports::store::Missing;

/// The rows of a page. They are of different cuts when the page was transformed again with chunks of another size, or
/// fetched again. Rows of older cuts do not count: chunks with their numbers hold other coins now.
#[derive(Default)]
pub(super) struct Page(Vec<ChunkRow>);

impl Page {
    /// Adds one of its rows.
    pub(super) fn add(&mut self, row: ChunkRow) {
        self.0.push(row);
    }

    /// The rows of the newest cut: the one that was transformed last.
    pub(super) fn counted(&self) -> impl Iterator<Item = &ChunkRow> {
        let newest = self.0.iter().max_by_key(|row| (row.transformed_at, row.cut)).map(|row| row.cut);
        let counts = move |row: &&ChunkRow| newest.is_some_and(|cut| row.cut.is(cut));
        self.0.iter().filter(counts)
    }

    /// The chunks of the newest cut that are missing; the page has this `number`.
    pub(super) fn missing(&self, number: u32) -> impl Iterator<Item = Missing> {
        let of = self.counted().map(|row| row.cut.chunks).max().unwrap_or(0);
        let loaded: BTreeSet<_> = self.counted().map(|row| row.chunk).collect();
        let absent = (1..=of).filter(move |chunk| !loaded.contains(chunk));
        absent.map(move |chunk| Missing::Chunk { page: number, chunk, of })
    }
}

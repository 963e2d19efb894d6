//! A page in the ledger: the lines of its newest cut, which alone count.

use std::collections::BTreeSet;

use super::ChunkRow;
use ports::store::Missing;

/// The lines of a page. They are of different cuts when the page was transformed again with chunks of another size, or
/// fetched again: a line of an older cut says nothing about the coins that a chunk with its number has now.
#[derive(Default)]
pub(super) struct Page(Vec<ChunkRow>);

impl Page {
    /// Adds one of its lines.
    pub(super) fn add(&mut self, line: ChunkRow) {
        self.0.push(line);
    }

    /// The lines of the newest cut: the one that was transformed last.
    pub(super) fn counted(&self) -> impl Iterator<Item = &ChunkRow> {
        let newest = self.0.iter().max_by_key(|line| (line.transformed_at, line.cut)).map(|line| line.cut);
        let counts = move |line: &&ChunkRow| newest.is_some_and(|cut| line.cut.is(cut));
        self.0.iter().filter(counts)
    }

    /// What is missing of it, as page `number`.
    pub(super) fn missing(&self, number: u32) -> impl Iterator<Item = Missing> {
        let of = self.counted().map(|line| line.cut.chunks).max().unwrap_or(0);
        let loaded: BTreeSet<_> = self.counted().map(|line| line.chunk).collect();
        let absent = (1..=of).filter(move |chunk| !loaded.contains(chunk));
        absent.map(move |chunk| Missing::Chunk { page: number, chunk, of })
    }
}

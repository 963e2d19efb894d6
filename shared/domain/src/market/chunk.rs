//! Cleaned rows of one page of a kind, as they travel to the loader.

use super::{MarketKind, Record};
use crate::chunk::Chunk;
use crate::headers::Headers;

/// About 1,000 rows of one page of a kind: what is loaded in one transaction, and is one line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketChunk {
    /// What is in it.
    pub kind: MarketKind,
    /// The chunk as the ledger has it, without coins; `page.endpoint` is that of `kind`, and `coins_in` counts rows.
    pub head: Chunk,
    /// The rows that passed.
    pub records: Vec<Record>,
}

impl MarketChunk {
    /// See [`Chunk::with_headers`].
    #[must_use]
    pub fn with_headers(self, headers: &Headers) -> Self {
        Self { head: self.head.with_headers(headers), ..self }
    }
}

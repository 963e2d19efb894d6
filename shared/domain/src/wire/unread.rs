//! A chunk whose rows were not read yet: on the wire they take a third of the memory.

use bytes::Bytes;

use super::v1::{ChunkHeadV1, QuotesV1};
use super::v2::{ChunkHeadV2, QuotesV2};
use super::{Descriptions, SCHEMA_CHUNK_V2, SCHEMA_REBUILT_V1, WireError, next, nothing_left};
use crate::chunk::Chunk;
use crate::coin::CoinRow;
use crate::headers::Headers;
use crate::origin::Origin;

/// What the rows of a chunk may take in memory for each byte on the wire; ours take about two.
const BYTES_FOR_A_BYTE: usize = 2;
/// What the rows of any chunk may take in memory, in bytes.
const BYTES_FOR_ALL: usize = 40 << 20;

/// A chunk of which only the head was read. A clone shares the bytes of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadChunk {
    schema: u16,
    /// Without rows.
    head: Chunk,
    /// As many as the message says.
    rows: u64,
    payload: Bytes,
    /// Where its rows begin.
    rows_at: usize,
}

impl UnreadChunk {
    /// Reads the head of a chunk of this schema.
    pub(super) fn open(schema: u16, payload: Bytes) -> Result<Self, WireError> {
        let mut rest = &payload[..];
        let head: Chunk = if schema == SCHEMA_CHUNK_V2 {
            next::<ChunkHeadV2>(&mut rest)?.try_into()?
        } else {
            let mut head: Chunk = next::<ChunkHeadV1>(&mut rest)?.try_into()?;
            if schema == SCHEMA_REBUILT_V1 {
                head.page.origin = Origin::Rebuild;
            }
            head
        };
        let rows = next(&mut rest)?;
        let rows_at = payload.len() - rest.len();
        Ok(Self { schema, head, rows, payload, rows_at })
    }

    /// All of the chunk but its rows.
    pub fn head(&self) -> &Chunk {
        &self.head
    }

    /// How many quotes it has when each row has one in each currency of the page; as the message says, which may be wrong.
    pub fn quotes(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX).saturating_mul(self.head.page.convert.len())
    }

    /// See [`Chunk::with_headers`].
    #[must_use]
    pub fn with_headers(self, headers: &Headers) -> Self {
        Self { head: self.head.with_headers(headers), ..self }
    }

    /// The chunk with its rows. Coins are taken from `descriptions` where they are described alike.
    ///
    /// # Errors
    ///
    /// When they are not as the schema says. Row by row, so that a chunk that would take too much memory is given up before it
    /// does.
    pub fn read(&self, descriptions: &mut Descriptions) -> Result<Chunk, WireError> {
        let is_v2 = self.schema == SCHEMA_CHUNK_V2;
        let mut rest = &self.payload[self.rows_at..];
        let mut chunk = self.head.clone();
        // What the message says of their number is not to be trusted with more.
        chunk.rows.reserve_exact(usize::try_from(self.rows).unwrap_or(usize::MAX).min(1000));
        let mut left = BYTES_FOR_A_BYTE * self.payload.len() + BYTES_FOR_ALL;
        for _ in 0..self.rows {
            let coin = descriptions.next(self.schema, &mut rest)?;
            let quotes = if is_v2 {
                next::<QuotesV2<'_>>(&mut rest)?.try_into()?
            } else {
                next::<QuotesV1<'_>>(&mut rest)?.try_into()?
            };
            let row = CoinRow { coin, quotes };
            left = left.checked_sub(row.memory()).ok_or(WireError::TooDense(self.payload.len()))?;
            chunk.rows.push(row);
        }
        nothing_left(rest, &self.payload)?;
        Ok(chunk)
    }
}

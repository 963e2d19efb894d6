//! The rows of a page as messages: chunks, and letters about what did not pass.

use chrono::{DateTime, Utc};
use domain::{MarketChunk, MarketKind, PageMeta, wire};
use stage::Output;

use super::CleanedRows;
use crate::fault::PageFault;
use crate::messages::{Place, count, head, of_rejects, of_rows};

/// The messages for a page, in order: each chunk of `chunk_rows` rows, and the letter about its rejects. An empty page is one
/// chunk without rows.
pub(crate) fn outputs(
    kind: MarketKind,
    meta: &PageMeta,
    cleaned: &CleanedRows,
    chunk_rows: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Output>, PageFault> {
    let size = chunk_rows.max(1);
    let rows = &cleaned.0;
    let chunks = count(rows.len()).div_ceil(size).max(1);
    let mut parts = rows.chunks(size as usize);
    let mut outputs = Vec::new();
    for number in 1..=chunks {
        let part = parts.next().unwrap_or_default();
        let rejects: Vec<_> = part.iter().filter_map(|row| row.as_ref().err()).collect();
        let head = head(meta, Place { number, chunks, size }, part.len(), rejects.len(), now);
        let letter = of_rejects(&head, &rejects, now);
        let records = part.iter().filter_map(|row| row.as_ref().ok().cloned()).collect();
        let chunk = MarketChunk { kind, head, records };
        outputs.push(of_rows(&chunk.head, wire::encode_market(&chunk))?);
        outputs.extend(letter);
    }
    Ok(outputs)
}

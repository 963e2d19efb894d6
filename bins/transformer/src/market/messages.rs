//! The rows of a page as messages: chunks, and letters about what did not pass.

use chrono::{DateTime, Utc};
use domain::{Chunk, MarketChunk, MarketKind, Message, PageMeta, timestamp, wire};
use ports::QueueName;
use stage::Output;

use super::CleanedRows;
use crate::fault::PageFault;
use crate::messages::{MAX_CHUNK_BYTES, count, letters};

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
        let head = Chunk {
            page: meta.clone(),
            chunk: number,
            chunks,
            size: Some(size),
            sorted: true,
            replay: None,
            transformed_at: timestamp::to_millis(now),
            coins_in: count(part.len()),
            rejected: count(rejects.len()),
            rows: Vec::new(),
        };
        let letter = letters::about_rejects(&head, &rejects, now);
        let records = part.iter().filter_map(|row| row.as_ref().ok().cloned()).collect();
        let chunk = MarketChunk { kind, head, records };
        let body = wire::encode_market(&chunk);
        if body.len() > MAX_CHUNK_BYTES {
            let bytes = body.len();
            return Err(PageFault::ChunkTooLarge { chunk: number, bytes, limit: MAX_CHUNK_BYTES });
        }
        let message =
            Message { id: chunk.head.message_id(), headers: chunk.head.headers(), body: body.into() };
        outputs.push(Output { to: QueueName::Rows, message });
        outputs.extend(letter.map(|letter| Output { to: QueueName::Dead, message: letter.into_message() }));
    }
    Ok(outputs)
}

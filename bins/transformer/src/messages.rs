//! A cleaned page as messages: chunks of rows, and letters about what did not pass.

mod letters;

use chrono::{DateTime, Utc};
use domain::{Chunk, Message, PageMeta, timestamp, wire};
use ports::QueueName;
use stage::Output;

use crate::clean::Cleaned;
use crate::fault::PageFault;

/// The most bytes of a chunk: RabbitMQ takes 16 MiB. A chunk of 1,000 coins has about 250 KB.
const MAX_CHUNK_BYTES: usize = 15 << 20;

/// The messages for a page, in order: each chunk, the letter about its rejects, and last the page's own.
///
/// Chunks are ranges of `chunk_coins` coins *as the page held them*, so that which coins share a chunk does
/// not depend on how many of them passed. An empty page is one chunk without rows.
pub(crate) fn outputs(
    meta: &PageMeta,
    cleaned: &Cleaned,
    chunk_coins: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Output>, PageFault> {
    let size = chunk_coins.max(1);
    let coins = count(cleaned.coins_in());
    let chunks = coins.div_ceil(size).max(1);
    let sent_by_none = cleaned.sent_by_none;
    let rows = cleaned.rows()?;
    let (mut passed, mut rejects) = (&cleaned.passed[..], &cleaned.rejects[..]);
    let mut outputs = Vec::new();
    for number in 1..=chunks {
        let begin = (number - 1).saturating_mul(size);
        let end = begin.saturating_add(size).min(coins);
        let of_chunk = rejects.partition_point(|reject| reject.index < end as usize);
        let rejected = take(&mut rejects, of_chunk);
        let positions = take(&mut passed, (end - begin) as usize - rejected.len());
        let chunk = Chunk {
            page: meta.clone(),
            chunk: number,
            chunks,
            size: Some(size),
            replay: None,
            transformed_at: timestamp::to_millis(now),
            coins_in: end - begin,
            rejected: count(rejected.len()),
            rows: Vec::new(),
        };
        let rows: Vec<_> = positions.iter().map(|&position| rows.get(position)).collect::<Result<_, _>>()?;
        // The loop passes the replay on.
        let body = wire::encode_rows(&chunk, rows.into_iter()).into();
        let message = Message { id: chunk.message_id(), headers: chunk.headers(), body };
        if message.body.len() > MAX_CHUNK_BYTES {
            let bytes = message.body.len();
            return Err(PageFault::ChunkTooLarge { chunk: number, bytes, limit: MAX_CHUNK_BYTES });
        }
        outputs.push(Output { to: QueueName::Rows, message });
        let letter = letters::about_rejects(&chunk, rejected, now);
        outputs.extend(letter.map(|letter| Output { to: QueueName::Dead, message: letter.into_message() }));
    }
    let letter = letters::about_missing_fields(meta, sent_by_none, now);
    outputs.extend(letter.map(|letter| Output { to: QueueName::Dead, message: letter.into_message() }));
    Ok(outputs)
}

/// Takes the first `count` off `rest`.
fn take<'a, T>(rest: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, left) = rest.split_at(count.min(rest.len()));
    *rest = left;
    taken
}

/// A page of at most 64 MiB holds far fewer than 2^32 coins.
fn count(coins: usize) -> u32 {
    u32::try_from(coins).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

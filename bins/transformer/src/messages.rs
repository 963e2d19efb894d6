//! A cleaned page as messages: chunks of rows, and letters about what did not pass.

pub(crate) mod letters;

use chrono::{DateTime, Utc};
use domain::{Chunk, Message, PageMeta, timestamp, wire};
use polars::prelude::PolarsResult;
use ports::QueueName;
use stage::Output;

use crate::clean::Cleaned;
use crate::fault::PageFault;
use crate::reject::Reject;

/// The most bytes of a chunk: RabbitMQ takes 16 MiB. A chunk of 1,000 coins has about 250 KB.
pub(crate) const MAX_CHUNK_BYTES: usize = 15 << 20;

/// The messages for a page, in order: each chunk, and the letter about its rejects.
///
/// Chunks are ranges of `chunk_coins` coins, those that passed and those that did not, *sorted by id*: so which coins share a
/// chunk depends neither on how many of them passed nor on their ranks, and each chunk is a stretch of its own in tables that
/// are kept in the order of time and id. An empty page is one chunk without rows.
pub(crate) fn outputs(
    meta: &PageMeta,
    cleaned: &Cleaned,
    chunk_coins: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Output>, PageFault> {
    let size = chunk_coins.max(1);
    let coins = count(cleaned.coins_in());
    let chunks = coins.div_ceil(size).max(1);
    let rows = cleaned.rows()?;
    let all = sorted(cleaned)?;
    let mut parts = all.chunks(size as usize);
    let mut outputs = Vec::new();
    for number in 1..=chunks {
        let part = parts.next().unwrap_or_default();
        let rejected: Vec<_> = part.iter().filter_map(Element::reject).collect();
        let place = Place { number, chunks, size };
        let chunk = head(meta, place, part.len(), rejected.len(), now);
        let positions = part.iter().filter_map(Element::position);
        let rows: Vec<_> = positions.map(|position| rows.get(position)).collect::<Result<_, _>>()?;
        outputs.push(of_rows(&chunk, wire::encode_rows(&chunk, rows.into_iter()))?);
        outputs.extend(of_rejects(&chunk, &rejected, now));
    }
    Ok(outputs)
}

/// Which of the chunks of a page it is.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) chunks: u32,
    /// How many rows each has, but the last.
    pub(crate) size: u32,
}

/// A chunk without its rows, of which so many came and so many were rejected.
pub(crate) fn head(meta: &PageMeta, place: Place, came: usize, rejected: usize, now: DateTime<Utc>) -> Chunk {
    Chunk {
        page: meta.clone(),
        chunk: place.number,
        chunks: place.chunks,
        size: Some(place.size),
        sorted: true,
        // The loop passes it on.
        replay: None,
        transformed_at: timestamp::to_millis(now),
        coins_in: count(came),
        rejected: count(rejected),
        rows: Vec::new(),
    }
}

/// The message with the rows of `head`, which are in `body`.
pub(crate) fn of_rows(head: &Chunk, body: Vec<u8>) -> Result<Output, PageFault> {
    if body.len() > MAX_CHUNK_BYTES {
        let (chunk, bytes) = (head.chunk, body.len());
        return Err(PageFault::ChunkTooLarge { chunk, bytes, limit: MAX_CHUNK_BYTES });
    }
    let message = Message { id: head.message_id(), headers: head.headers(), body: body.into() };
    Ok(Output { to: QueueName::Rows, message })
}

/// The letter about what was rejected of `head`, if anything was.
pub(crate) fn of_rejects(head: &Chunk, rejects: &[&Reject], now: DateTime<Utc>) -> Option<Output> {
    let letter = letters::about_rejects(head, rejects, now)?;
    Some(Output { to: QueueName::Dead, message: letter.into_message() })
}

/// A coin of the page.
pub(crate) enum Element<'a> {
    /// It passed, and has this position among those that were read.
    Passed(u32),
    Rejected(&'a Reject),
}

impl<'a> Element<'a> {
    pub(crate) fn position(&self) -> Option<u32> {
        if let Self::Passed(position) = self { Some(*position) } else { None }
    }

    fn reject(&self) -> Option<&'a Reject> {
        if let Self::Rejected(reject) = self { Some(reject) } else { None }
    }
}

/// All coins of the page by id, and those with the same id as the page held them. What has no id comes last.
pub(crate) fn sorted<'a>(cleaned: &'a Cleaned) -> Result<Vec<Element<'a>>, PageFault> {
    let passed = cleaned.passed.iter().map(|&position| {
        let (id, index) = cleaned.place(position)?;
        Ok(((id, index), Element::Passed(position)))
    });
    let rejected = cleaned.rejects.iter().map(|reject| {
        let id = reject.coin_id.unwrap_or(u32::MAX);
        Ok(((id, reject.index), Element::Rejected(reject)))
    });
    let mut all = passed.chain(rejected).collect::<PolarsResult<Vec<_>>>()?;
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, element)| element).collect())
}

/// A page of at most 64 MiB holds far fewer than 2^32 coins.
pub(crate) fn count(coins: usize) -> u32 {
    u32::try_from(coins).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

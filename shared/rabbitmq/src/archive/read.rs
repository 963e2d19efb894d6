//! Questions to the archive: its pages, its positions, its ids. Each reads as far as the stream went when it began.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::MessageId;
use lapin::types::AMQPValue;
use ports::{ArchiveRange, Archived, QueueError};
use tokio::time::Instant;

use super::stream::{LastPage, PREFETCH, QUIET, StreamReader};
use crate::client::Client;

/// Up to `limit` pages after the position `after`, each id once. A position is an offset in the stream, + 1.
pub(crate) async fn read(client: &Client, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
    let mut pages: Vec<Archived> = Vec::new();
    if limit == 0 || client.is_missing(&client.names.archive()) {
        return Ok(pages);
    }
    let session = client.observing.session().await?;
    let reader = StreamReader::open(client, &session).await?;
    let offset = AMQPValue::LongLongInt(i64::try_from(after).unwrap_or(i64::MAX));
    let mut stream = reader.consume(offset, PREFETCH).await?;
    let mut ids = BTreeSet::new();
    let mut end = None;
    let mut read_to = after;
    let mut received_at = Instant::now();
    while pages.len() < limit as usize && end.is_none_or(|end| read_to < end) {
        let Some(page) = reader.next(&mut stream, QUIET).await? else {
            if end.is_none() {
                end = Some(reader.end().await?);
                received_at = Instant::now();
            } else if received_at.elapsed() > client.options.call_timeout {
                session.abort();
                return Err(QueueError::unavailable("RabbitMQ does not send the rest of the archive"));
            }
            continue;
        };
        received_at = Instant::now();
        // The broker sends whole chunks, so it may begin with earlier pages.
        if page.position > read_to {
            read_to = page.position;
            if ids.insert(page.message.id.clone()) {
                pages.push(page);
            }
        }
    }
    reader.close().await;
    Ok(pages)
}

/// The positions of what was archived since then; it may begin earlier, with a whole chunk.
pub(crate) async fn range(client: &Client, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
    if client.is_missing(&client.names.archive()) {
        return Ok(ArchiveRange { after: 0, end: 0 });
    }
    let session = client.observing.session().await?;
    let reader = StreamReader::open(client, &session).await?;
    let end = reader.end().await?;
    let from = match since.map(|since| u64::try_from(since.timestamp())) {
        Some(Ok(seconds)) => AMQPValue::Timestamp(seconds),
        // All of it.
        None | Some(Err(_)) => AMQPValue::LongString("first".into()),
    };
    let after = if end == 0 {
        0
    } else {
        let mut stream = reader.consume(from, 1).await?;
        // The broker answered a moment ago. When it sends nothing for so long, there is nothing to send.
        match reader.next(&mut stream, client.options.call_timeout).await? {
            Some(page) => page.position - 1,
            None => end,
        }
    };
    reader.close().await;
    Ok(ArchiveRange { after: after.min(end), end })
}

/// The last page; `None`: there is none.
pub(super) async fn last(client: &Client) -> Result<Option<LastPage>, QueueError> {
    let session = client.observing.session().await?;
    let reader = StreamReader::open(client, &session).await?;
    let last = reader.last().await?;
    reader.close().await;
    Ok(last)
}

/// Hands the ids of the pages in `range` to `take`.
pub(super) async fn ids(
    client: &Client,
    range: ArchiveRange,
    mut take: impl FnMut(MessageId) + Send,
) -> Result<(), QueueError> {
    if range.after >= range.end {
        return Ok(());
    }
    let session = client.observing.session().await?;
    let reader = StreamReader::open(client, &session).await?;
    let offset = AMQPValue::LongLongInt(i64::try_from(range.after).unwrap_or(i64::MAX));
    let mut stream = reader.consume(offset, PREFETCH).await?;
    loop {
        let Some(page) = reader.next(&mut stream, client.options.call_timeout).await? else {
            session.abort();
            return Err(QueueError::unavailable("RabbitMQ does not send the rest of the archive"));
        };
        take(page.message.id);
        if page.position >= range.end {
            break;
        }
    }
    reader.close().await;
    Ok(())
}

//! The archive: a stream that is read by offset, as far as it went when the reading began.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::MessageId;
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use ports::{Archived, QueueError, Stretch};
use tokio::time::{Instant, timeout};

use crate::incoming::read as read_message;
use crate::link::Session;
use crate::queue::Inner;
use crate::topology::short;

/// Pages on their way at once; they are large.
const PREFETCH: u16 = 8;
/// How long the broker must be silent before we ask it whether that was all.
const QUIET: Duration = Duration::from_millis(300);

/// Up to `limit` pages after the position `after`, each id once. A position is an offset in the stream, + 1.
pub(crate) async fn read(shared: &Inner, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
    let mut pages: Vec<Archived> = Vec::new();
    if limit == 0 || shared.is_absent(&shared.names.archive()) {
        return Ok(pages);
    }
    let session = shared.observing.session().await?;
    let reader = Reader { shared, session: &session, channel: session.channel().await? };
    let offset = AMQPValue::LongLongInt(i64::try_from(after).unwrap_or(i64::MAX));
    let mut stream = reader.consume(offset, PREFETCH).await?;
    let mut ids = BTreeSet::new();
    let mut end = None;
    let mut read_to = after;
    let mut heard_at = Instant::now();
    while pages.len() < limit as usize && end.is_none_or(|end| read_to < end) {
        let Some(page) = reader.next(&mut stream, QUIET).await? else {
            if end.is_none() {
                end = Some(reader.end().await?);
                heard_at = Instant::now();
            } else if heard_at.elapsed() > shared.options.call_timeout {
                session.fail();
                return Err(QueueError::unavailable("RabbitMQ does not send the rest of the archive"));
            }
            continue;
        };
        heard_at = Instant::now();
        // The broker begins where it likes, with a whole chunk.
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

/// The stretch of what was archived since then, to the block.
pub(crate) async fn stretch(shared: &Inner, since: Option<DateTime<Utc>>) -> Result<Stretch, QueueError> {
    if shared.is_absent(&shared.names.archive()) {
        return Ok(Stretch { after: 0, end: 0 });
    }
    let session = shared.observing.session().await?;
    let reader = Reader { shared, session: &session, channel: session.channel().await? };
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
        // The broker has answered just now: when it sends nothing for so long, there is nothing.
        match reader.next(&mut stream, shared.options.call_timeout).await? {
            Some(page) => page.position - 1,
            None => end,
        }
    };
    reader.close().await;
    Ok(Stretch { after: after.min(end), end })
}

/// The last page in the archive.
pub(crate) struct Last {
    pub position: u64,
    /// By the clock of who published it.
    pub published_at: Option<DateTime<Utc>>,
}

/// The last page; `None`: there is none.
pub(crate) async fn last(shared: &Inner) -> Result<Option<Last>, QueueError> {
    let session = shared.observing.session().await?;
    let reader = Reader { shared, session: &session, channel: session.channel().await? };
    let last = reader.last().await?;
    reader.close().await;
    Ok(last)
}

/// Hands the ids of the pages in `stretch` to `take`.
pub(crate) async fn ids(
    shared: &Inner,
    stretch: Stretch,
    mut take: impl FnMut(MessageId) + Send,
) -> Result<(), QueueError> {
    if stretch.after >= stretch.end {
        return Ok(());
    }
    let session = shared.observing.session().await?;
    let reader = Reader { shared, session: &session, channel: session.channel().await? };
    let offset = AMQPValue::LongLongInt(i64::try_from(stretch.after).unwrap_or(i64::MAX));
    let mut stream = reader.consume(offset, PREFETCH).await?;
    loop {
        let Some(page) = reader.next(&mut stream, shared.options.call_timeout).await? else {
            session.fail();
            return Err(QueueError::unavailable("RabbitMQ does not send the rest of the archive"));
        };
        take(page.message.id);
        if page.position >= stretch.end {
            break;
        }
    }
    reader.close().await;
    Ok(())
}

struct Reader<'a> {
    shared: &'a Inner,
    session: &'a Session,
    channel: Channel,
}

impl Reader<'_> {
    async fn consume(&self, offset: AMQPValue, prefetch: u16) -> Result<Consumer, QueueError> {
        let qos = self.channel.basic_qos(prefetch, BasicQosOptions::default());
        self.session.call("cannot set the prefetch", qos).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-stream-offset".into(), offset);
        let name = short(&self.shared.names.archive())?;
        let options = BasicConsumeOptions::default();
        let consuming = self.channel.basic_consume(name, "".into(), options, arguments);
        self.session.call("cannot read the archive", consuming).await
    }

    /// The next page, or `None` when nothing came for that long.
    async fn next(&self, stream: &mut Consumer, quiet: Duration) -> Result<Option<Archived>, QueueError> {
        Ok(self.next_with_time(stream, quiet).await?.map(|(page, _)| page))
    }

    /// The same, and when it was published.
    async fn next_with_time(
        &self,
        stream: &mut Consumer,
        quiet: Duration,
    ) -> Result<Option<(Archived, Option<DateTime<Utc>>)>, QueueError> {
        let ended = |reason: String| {
            self.session.fail();
            QueueError::unavailable(format!("reading the archive ended: {reason}"))
        };
        let mut arrived = match timeout(quiet, stream.next()).await {
            Err(_) => return Ok(None),
            Ok(None) => return Err(ended("the stream was deleted, or moved".to_owned())),
            Ok(Some(Err(error))) => return Err(ended(error.to_string())),
            Ok(Some(Ok(arrived))) => arrived,
        };
        // On a stream this only asks for more.
        self.session.call("cannot go on reading", arrived.acker.ack(BasicAckOptions::default())).await?;
        let offset = arrived.properties.headers().as_ref().and_then(|headers| {
            match headers.inner().get("x-stream-offset") {
                Some(AMQPValue::LongLongInt(offset)) => u64::try_from(*offset).ok(),
                _ => None,
            }
        });
        let offset = offset.ok_or_else(|| ended("a page without its offset".to_owned()))?;
        let seconds = arrived.properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok());
        let published_at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let (message, _) = read_message(&mut arrived);
        Ok(Some((Archived { position: offset + 1, message }, published_at)))
    }

    /// The position of the last page, 0 when there is none. Only asked when the broker fell silent, so it mostly
    /// confirms that this was all.
    async fn end(&self) -> Result<u64, QueueError> {
        Ok(self.last().await?.map_or(0, |last| last.position))
    }

    /// The last page: as far as a new consumer gets that begins with the last chunk.
    async fn last(&self) -> Result<Option<Last>, QueueError> {
        let other =
            Reader { shared: self.shared, session: self.session, channel: self.session.channel().await? };
        let name = short(&self.shared.names.archive())?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let counting = other.channel.queue_declare(name, passive, FieldTable::default());
        let known = self.session.call("cannot ask for the archive", counting).await?.message_count();
        let mut stream = other.consume(AMQPValue::LongString("last".into()), u16::MAX).await?;
        // A stream that has pages has a last chunk.
        let patience = if known > 0 { self.shared.options.call_timeout } else { QUIET };
        let mut last = None;
        let patience = |last: &Option<Last>| if last.is_none() { patience } else { QUIET };
        while let Some((page, published_at)) = other.next_with_time(&mut stream, patience(&last)).await? {
            last = Some(Last { position: page.position, published_at });
        }
        if last.is_none() && known > 0 {
            self.session.fail();
            return Err(QueueError::unavailable("RabbitMQ does not send the archive's last page"));
        }
        other.close().await;
        Ok(last)
    }

    /// The consumers end with their channel; nobody minds if that takes a while.
    async fn close(self) {
        drop(self.session.call("cannot close a channel", self.channel.close(200, "read".into())).await);
    }
}

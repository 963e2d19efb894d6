//! Reading the stream of the archive with a consumer. A position is an offset in the stream, plus 1.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use ports::{Archived, QueueError};
use tokio::time::timeout;

use crate::client::Client;
use crate::message::read as read_message;
use crate::session::Session;
use crate::topology::short;

/// Pages in flight; they are large.
pub(super) const PREFETCH: u16 = 8;
/// How long the broker must be silent before it is asked whether that was all.
pub(super) const QUIET: Duration = Duration::from_millis(300);
/// How long a stream must be silent that is said to hold nothing, before it is taken for empty. The broker counts the pages
/// of a stream every few seconds: those that came since the last time, or since it started, are not in the count.
const EMPTY: Duration = Duration::from_secs(2);

/// The last page in the archive.
pub(super) struct LastPage {
    pub(super) position: u64,
    /// By the clock of its publisher.
    pub(super) published_at: Option<DateTime<Utc>>,
}

/// A channel on which the stream is read.
pub(super) struct StreamReader<'a> {
    client: &'a Client,
    session: &'a Session,
    channel: Channel,
}

impl<'a> StreamReader<'a> {
    /// Opens a channel on `session`.
    pub(super) async fn open(client: &'a Client, session: &'a Session) -> Result<Self, QueueError> {
        Ok(Self { client, session, channel: session.channel().await? })
    }

    /// Starts to read at `offset`.
    pub(super) async fn consume(&self, offset: AMQPValue, prefetch: u16) -> Result<Consumer, QueueError> {
        let qos = self.channel.basic_qos(prefetch, BasicQosOptions::default());
        self.session.call("cannot set the prefetch", qos).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-stream-offset".into(), offset);
        let name = short(&self.client.names.archive())?;
        let options = BasicConsumeOptions::default();
        let consuming = self.channel.basic_consume(name, "".into(), options, arguments);
        self.session.call("cannot read the archive", consuming).await
    }

    /// The next page, or `None` when nothing came for that long.
    pub(super) async fn next(
        &self,
        stream: &mut Consumer,
        quiet: Duration,
    ) -> Result<Option<Archived>, QueueError> {
        Ok(self.next_with_time(stream, quiet).await?.map(|(page, _)| page))
    }

    /// The same, with the time at which it was published.
    async fn next_with_time(
        &self,
        stream: &mut Consumer,
        quiet: Duration,
    ) -> Result<Option<(Archived, Option<DateTime<Utc>>)>, QueueError> {
        let ended = |reason: String| {
            self.session.abort();
            QueueError::unavailable(format!("reading the archive ended: {reason}"))
        };
        let mut arrived = match timeout(quiet, stream.next()).await {
            Err(_) => return Ok(None),
            Ok(None) => return Err(ended("the stream was deleted, or moved".to_owned())),
            Ok(Some(Err(error))) => return Err(ended(error.to_string())),
            Ok(Some(Ok(arrived))) => arrived,
        };
        // On a stream, an ack only gives the broker credit to send more.
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

    /// The position of the last page; 0 when there is none.
    pub(super) async fn end(&self) -> Result<u64, QueueError> {
        Ok(self.last().await?.map_or(0, |last| last.position))
    }

    /// The last page: as far as a new consumer gets that starts with the last chunk.
    pub(super) async fn last(&self) -> Result<Option<LastPage>, QueueError> {
        let other = StreamReader::open(self.client, self.session).await?;
        let name = short(&self.client.names.archive())?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let counting = other.channel.queue_declare(name, passive, FieldTable::default());
        let count = self.session.call("cannot ask for the archive", counting).await?.message_count();
        let mut stream = other.consume(AMQPValue::LongString("last".into()), u16::MAX).await?;
        // A stream that has pages has a last chunk, so it is worth waiting for.
        let patience = if count > 0 { self.client.options.call_timeout } else { EMPTY };
        let mut last = None;
        let patience = |last: &Option<LastPage>| if last.is_none() { patience } else { QUIET };
        while let Some((page, published_at)) = other.next_with_time(&mut stream, patience(&last)).await? {
            last = Some(LastPage { position: page.position, published_at });
        }
        if last.is_none() && count > 0 {
            self.session.abort();
            return Err(QueueError::unavailable("RabbitMQ does not send the archive's last page"));
        }
        other.close().await;
        Ok(last)
    }

    /// Closes the channel, which ends its consumers. An error does not matter any more.
    pub(super) async fn close(self) {
        drop(self.session.call("cannot close a channel", self.channel.close(200, "read".into())).await);
    }
}

//! Catching up: pages that the archive could not take are appended when it is back.
//!
//! They wait on a queue with a single active consumer, so that only one process appends them: in the session in which it
//! got them, because once that has ended they are another's. Their publisher tried to append them before, and may have
//! succeeded without learning it: so the archive is read, from the time at which the page was fetched, before the page is
//! appended. Anybody may publish on that queue: what is no live page, or what the
//! stream refuses for good, becomes a dead letter, and the others go on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use ports::{QueueError, QueueName};
use tokio::time::sleep;
use tracing::debug;

use super::unarchivable;
use super::writer::ArchiveWriter;
use crate::client::Client;
use crate::error::within;
use crate::message::read;
use crate::session::Session;
use crate::topology::{LIVE, short};

/// Pages in flight; they are large.
const PREFETCH: u16 = 4;

/// Catches up for as long as the writer is there.
pub(super) async fn catch_up(writer: Weak<ArchiveWriter>) {
    while let Some(strong) = writer.upgrade() {
        let pause = strong.client().options.archive_pause;
        let ended = match UnarchivedConsumer::open(&strong).await {
            Ok(mut consumer) => {
                // The task must not keep the writer alive while it waits.
                drop(strong);
                let ended = consumer.run(&writer).await;
                consumer.session.abort();
                ended
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => return,
            Err(error) => debug!(%error, "not catching up with the archive; trying again"),
        }
        sleep(pause).await;
    }
}

/// The consumer of the queue *unarchived*.
struct UnarchivedConsumer {
    session: Arc<Session>,
    channel: Channel,
    consumer: Consumer,
}

impl UnarchivedConsumer {
    async fn open(writer: &ArchiveWriter) -> Result<Self, QueueError> {
        let client = writer.client();
        let session = writer.connection().session().await?;
        unbind(client, &session).await;
        let channel = session.channel().await?;
        let qos = channel.basic_qos(PREFETCH, BasicQosOptions::default());
        session.call("cannot set the prefetch", qos).await?;
        let queue = client.names.unarchived();
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(short(&queue)?, "".into(), options, FieldTable::default());
        let consumer = session.call(&format!("cannot consume from {queue}"), consuming).await?;
        Ok(Self { session, channel, consumer })
    }

    /// Appends what arrives, or files a letter about it, until the writer is gone (`Ok`) or the session or the archive
    /// fails.
    async fn run(&mut self, writer: &Weak<ArchiveWriter>) -> Result<(), QueueError> {
        loop {
            let mut arrived = vec![delivery(self.consumer.next().await)?];
            while arrived.len() < usize::from(PREFETCH)
                && let Some(next) = self.consumer.next().now_or_never()
            {
                arrived.push(delivery(next)?);
            }
            let wait = writer.upgrade().map(|writer| longest_wait(writer.client(), &arrived));
            let Some(wait) = wait else { return Ok(()) };
            sleep(wait).await;
            let Some(writer) = writer.upgrade() else { return Ok(()) };
            let pages = append(&writer, &self.session, arrived).await?;
            if pages > 0 {
                debug!(pages, channel = self.channel.id(), "the archive caught up with pages");
            }
        }
    }
}

/// Appends the pages that arrived, files letters about the rest, and acknowledges all of them. Returns the number of pages.
async fn append(
    writer: &ArchiveWriter,
    session: &Arc<Session>,
    arrived: Vec<Delivery>,
) -> Result<usize, QueueError> {
    let client = writer.client();
    let (mut pages, mut deliveries) = (Vec::new(), Vec::new());
    for mut delivery in arrived {
        let message = read(&mut delivery).0;
        if let Err(why) = unarchivable::check(&message) {
            unarchivable::file(client, &message, &why).await?;
            acknowledge(client, &delivery).await?;
        } else {
            pages.push(message);
            deliveries.push(delivery);
        }
    }
    if pages.is_empty() {
        return Ok(0);
    }
    let refused = writer.append_late(session, &pages).await.inspect_err(|error| writer.pause(error))?;
    for ((delivery, page), refused) in deliveries.iter().zip(&pages).zip(refused) {
        if let Some(why) = refused {
            unarchivable::file(client, page, &why).await?;
        }
        acknowledge(client, delivery).await?;
    }
    Ok(pages.len())
}

async fn acknowledge(client: &Client, delivery: &Delivery) -> Result<(), QueueError> {
    let sent = delivery.acker.ack(BasicAckOptions::default());
    if within(client.options.call_timeout, "cannot acknowledge", sent).await? {
        Ok(())
    } else {
        Err(QueueError::unavailable("an acknowledgement was not sent"))
    }
}

/// How long to wait before these are looked up. Who had them before, the publisher that gave up on the stream or a process
/// whose session ended, may still have a request under way: by then it has reached the archive, and is found there.
fn longest_wait(client: &Client, arrived: &[Delivery]) -> Duration {
    let (now, pause) = (client.clock.now(), client.options.archive_pause);
    let wait = |page: &Delivery| {
        if page.redelivered { pause } else { wait(*page.properties.timestamp(), now, pause) }
    };
    arrived.iter().map(wait).max().unwrap_or_default()
}

/// The same for a page that was put on the queue at `published`, in seconds since 1970: `pause` after that, but no longer
/// than that from `now` on, whatever the publisher's clock says.
fn wait(published: Option<u64>, now: DateTime<Utc>, pause: Duration) -> Duration {
    let published = published.and_then(|seconds| i64::try_from(seconds).ok());
    let Some(published) = published.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) else {
        return pause;
    };
    // It was published at some time within that second.
    let pause = pause + Duration::from_secs(1);
    pause.saturating_sub((now - published).to_std().unwrap_or_default())
}

fn delivery(next: Option<lapin::Result<Delivery>>) -> Result<Delivery, QueueError> {
    match next {
        Some(arrived) => arrived.map_err(QueueError::unavailable),
        None => Err(QueueError::unavailable("its queue was deleted, or moved")),
    }
}

/// Removes a binding of older versions. They bound the stream to the work queue's exchange, so that a publisher did not
/// learn that the work queue was missing. Fetchers of an older version that still run bind it again when they connect: that
/// is right for what they publish, and does not affect what we publish.
async fn unbind(client: &Client, session: &Session) {
    let Client { names, options, .. } = client;
    let unbinding = async {
        let channel = session.channel().await?;
        let (queue, exchange) = (short(&names.archive())?, short(&names.of(QueueName::Raw))?);
        let unbound = channel.queue_unbind(queue, exchange, LIVE.into(), FieldTable::default());
        within(
            options.call_timeout,
            "cannot unbind the archive from the exchange of the work queue",
            unbound,
        )
        .await?;
        session.call("cannot close a channel", channel.close(200, "unbound".into())).await
    };
    if let Err(error) = unbinding.await {
        debug!(%error, "the archive may still be bound as an older version left it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_just_given_up_is_waited_for_and_one_of_long_ago_is_not() {
        let now = DateTime::from_timestamp(1_000_000, 500_000_000).expect("a time");
        let check = |published, milliseconds| {
            let wait = wait(published, now, Duration::from_secs(30));
            assert_eq!(wait, Duration::from_millis(milliseconds), "{published:?}");
        };
        check(Some(1_000_000), 30_500);
        check(Some(999_990), 20_500);
        check(Some(999_969), 0);
        check(Some(0), 0);
        // A clock that is ahead, one that makes no sense, and none.
        check(Some(1_003_600), 31_000);
        check(Some(u64::MAX), 30_000);
        check(None, 30_000);
    }
}

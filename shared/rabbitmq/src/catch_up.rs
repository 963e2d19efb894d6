//! Catching up: pages that the archive could not take when they came are appended when it is back.
//!
//! They wait in a queue with a single active consumer, so that of all processes that feed the archive one appends them.
//! Each of them was tried before, by someone whose answer was lost perhaps: the archive is read from the time it was
//! fetched before it is appended. Anybody may publish on that queue: what is no live page, and what the stream refuses for
//! good, becomes a letter, and the others go on.

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

use crate::error::within;
use crate::incoming::read;
use crate::link::Session;
use crate::queue::Inner;
use crate::topology::{LIVE, short};
use crate::unfit;

/// Pages in hand at once; they are large.
const PREFETCH: u16 = 4;

/// Sees to it for as long as the queue is there.
pub(crate) async fn catch_up(shared: Weak<Inner>) {
    while let Some(inner) = shared.upgrade() {
        let rest = inner.options.archive_rest;
        let ended = match Late::open(&inner).await {
            Ok(mut late) => {
                // Holds nobody up who wants to close the queue.
                drop(inner);
                let ended = late.work(&shared).await;
                late.session.fail();
                ended
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => return,
            Err(error) => debug!(%error, "not catching up with the archive; trying again"),
        }
        sleep(rest).await;
    }
}

/// The consumer of what is late.
struct Late {
    session: Arc<Session>,
    channel: Channel,
    consumer: Consumer,
}

impl Late {
    async fn open(shared: &Inner) -> Result<Self, QueueError> {
        let session = shared.feed.link.session().await?;
        unbind(shared, &session).await;
        let channel = session.channel().await?;
        session
            .call("cannot set the prefetch", channel.basic_qos(PREFETCH, BasicQosOptions::default()))
            .await?;
        let queue = shared.names.unarchived();
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(short(&queue)?, "".into(), options, FieldTable::default());
        let consumer = session.call(&format!("cannot consume from {queue}"), consuming).await?;
        Ok(Self { session, channel, consumer })
    }

    /// Appends what comes, or files why it cannot. `Ok`: the queue is gone; an error of the session or the archive ends it.
    async fn work(&mut self, shared: &Weak<Inner>) -> Result<(), QueueError> {
        loop {
            let mut late = vec![arrived(self.consumer.next().await)?];
            while late.len() < usize::from(PREFETCH)
                && let Some(next) = self.consumer.next().now_or_never()
            {
                late.push(arrived(next)?);
            }
            let Some(wait) = shared.upgrade().map(|inner| longest_wait(&inner, &late)) else { return Ok(()) };
            sleep(wait).await;
            let Some(inner) = shared.upgrade() else { return Ok(()) };
            let (mut pages, mut waiting) = (Vec::new(), Vec::new());
            for mut page in late {
                let message = read(&mut page).0;
                if let Err(why) = unfit::check(&message) {
                    unfit::file(&inner, &message, &why).await?;
                    acknowledge(&inner, &page).await?;
                } else {
                    pages.push(message);
                    waiting.push(page);
                }
            }
            if pages.is_empty() {
                continue;
            }
            let appended = inner.feed.append_late(&inner, &pages).await;
            let refused = appended.inspect_err(|error| inner.feed.rest(inner.options.archive_rest, error))?;
            for ((page, message), refused) in waiting.iter().zip(&pages).zip(refused) {
                if let Some(why) = refused {
                    unfit::file(&inner, message, &why).await?;
                }
                acknowledge(&inner, page).await?;
            }
            debug!(pages = pages.len(), channel = self.channel.id(), "the archive caught up with pages");
        }
    }
}

async fn acknowledge(shared: &Inner, page: &Delivery) -> Result<(), QueueError> {
    let sent = page.acker.ack(BasicAckOptions::default());
    if within(shared.options.call_timeout, "cannot acknowledge", sent).await? {
        Ok(())
    } else {
        Err(QueueError::unavailable("an acknowledgement was not sent"))
    }
}

/// How long until what somebody gave up waiting for has reached the archive by itself, and is found there.
fn longest_wait(shared: &Inner, late: &[Delivery]) -> Duration {
    let (now, rest) = (shared.clock.now(), shared.options.archive_rest);
    late.iter().map(|page| wait(*page.properties.timestamp(), now, rest)).max().unwrap_or_default()
}

/// The same for a page that was given up at `published`, in seconds since 1970: `rest` after that, but no longer than from
/// `now` on, whatever its publisher's clock says.
fn wait(published: Option<u64>, now: DateTime<Utc>, rest: Duration) -> Duration {
    let published = published.and_then(|seconds| i64::try_from(seconds).ok());
    let Some(published) = published.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) else {
        return rest;
    };
    // Within that second.
    let rest = rest + Duration::from_secs(1);
    rest.saturating_sub((now - published).to_std().unwrap_or_default())
}

fn arrived(next: Option<lapin::Result<Delivery>>) -> Result<Delivery, QueueError> {
    match next {
        Some(arrived) => arrived.map_err(QueueError::unavailable),
        None => Err(QueueError::unavailable("its queue was deleted, or moved")),
    }
}

/// An older version had the stream bound beside the work queue, for which it stood in. Whoever feeds the archive ends
/// that. While older fetchers are still at work they bind it again when they connect, which is right for what they
/// publish, and does nothing to what we do.
async fn unbind(shared: &Inner, session: &Session) {
    let Inner { names, options, .. } = shared;
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

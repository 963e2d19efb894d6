//! Catching up: pages that the archive could not take when they came are appended when it is back.
//!
//! They wait in a queue with a single active consumer, so that of all processes that feed the archive one appends them.
//! Each of them was tried before, by someone whose answer was lost perhaps: the archive is read from the time it was
//! fetched before it is appended.

use std::sync::{Arc, Weak};

use domain::Message;
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

    /// Appends what comes. `Ok`: the queue is gone; an error of the session or the archive ends it.
    async fn work(&mut self, shared: &Weak<Inner>) -> Result<(), QueueError> {
        loop {
            let first = if let Some(next) = self.consumer.next().now_or_never() {
                arrived(next)?
            } else {
                let first = arrived(self.consumer.next().await)?;
                let Some(rest) = shared.upgrade().map(|inner| inner.options.archive_rest) else {
                    return Ok(());
                };
                // What somebody gave up waiting for may reach the archive by itself, and be found there.
                sleep(rest).await;
                first
            };
            let mut late = vec![first];
            while late.len() < usize::from(PREFETCH)
                && let Some(next) = self.consumer.next().now_or_never()
            {
                late.push(arrived(next)?);
            }
            let Some(inner) = shared.upgrade() else { return Ok(()) };
            let pages: Vec<Message> = late.iter_mut().map(|page| read(page).0).collect();
            let appended = inner.feed.append_late(&inner, &pages).await;
            appended.inspect_err(|error| inner.feed.rest(inner.options.archive_rest, error))?;
            for page in late {
                let limit = inner.options.call_timeout;
                let sent = within(limit, "cannot acknowledge", page.acker.ack(BasicAckOptions::default()));
                if !sent.await? {
                    return Err(QueueError::unavailable("an acknowledgement was not sent"));
                }
            }
            debug!(pages = pages.len(), channel = self.channel.id(), "the archive caught up with pages");
        }
    }
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

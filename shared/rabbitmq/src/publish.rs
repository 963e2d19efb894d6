//! Publishing: every message confirmed, a bounded number on their way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Message;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use ports::{Clock, QueueError};
use tokio::time::{Instant, timeout};

use crate::Options;
use crate::link::{Link, Session, blame_session};
use crate::outgoing::properties;
use crate::topology::short;

/// Where a message goes: an exchange of our own and a routing key.
pub(crate) struct Post<'a> {
    pub exchange: &'a str,
    pub key: &'a str,
    pub message: &'a Message,
}

/// Publishes over a connection of its own, which an alarm of the broker may block without holding up the
/// acknowledgements.
pub(crate) struct Publisher {
    link: Arc<Link>,
    options: Arc<Options>,
    clock: Arc<dyn Clock>,
    /// Channels that nobody publishes on now. One publishes one call at a time: lapin hands a returned
    /// message to any confirm of its channel.
    idle: Mutex<Vec<(Arc<Session>, Channel)>>,
}

/// Bodies of this size are big: with 4 on their way the broker is as busy as with 32.
const BIG: usize = 64 * 1024;
const BIG_IN_FLIGHT: usize = 4;
const SMALL_IN_FLIGHT: usize = 32;
/// How many channels are kept for the next call.
const MOST_IDLE: usize = 4;
/// How often to look whether an alarm is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Publisher {
    pub fn new(link: Arc<Link>, options: Arc<Options>, clock: Arc<dyn Clock>) -> Self {
        Self { link, options, clock, idle: Mutex::default() }
    }

    /// Publishes all of `posts`; `Ok`: every queue they go to has confirmed them. [`QueueError::Refused`]: one of
    /// them never will be, and the others may or may not have been.
    pub async fn publish(&self, posts: &[Post<'_>]) -> Result<(), QueueError> {
        if posts.is_empty() {
            return Ok(());
        }
        let (session, channel) = self.channel().await?;
        self.wait_while_blocked(&session).await?;
        let is_big = posts.iter().any(|post| post.message.body.len() >= BIG);
        let in_flight = if is_big { BIG_IN_FLIGHT } else { SMALL_IN_FLIGHT };
        let mut left = posts.iter();
        let mut publishing = FuturesUnordered::new();
        loop {
            let room = in_flight - publishing.len();
            publishing
                .extend(left.by_ref().take(room).map(|post| self.publish_one(&session, &channel, post)));
            // After an error the channel is dropped: who knows what it still waits for.
            match publishing.next().await {
                Some(published) => published?,
                None => break,
            }
        }
        drop(publishing);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((session, channel));
        }
        Ok(())
    }

    async fn channel(&self) -> Result<(Arc<Session>, Channel), QueueError> {
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|(session, channel)| session.is_alive() && channel.status().connected());
            if let Some(known) = idle.pop() {
                return Ok(known);
            }
        }
        let session = self.link.session().await?;
        self.wait_while_blocked(&session).await?;
        let channel = session.channel().await?;
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        session.call("cannot publish", select).await?;
        Ok((session, channel))
    }

    /// Nothing may be written to a blocked connection: it would stay in memory until the alarm is over.
    async fn wait_while_blocked(&self, session: &Session) -> Result<(), QueueError> {
        let until = Instant::now() + self.options.publish_timeout;
        while session.is_blocked() && session.is_alive() {
            if Instant::now() >= until {
                return Err(blocked());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn publish_one(
        &self,
        session: &Session,
        channel: &Channel,
        post: &Post<'_>,
    ) -> Result<(), QueueError> {
        let Post { exchange, key, message } = post;
        let properties = properties(message, self.clock.now(), session.frame_max())?;
        let (exchange, key) = (short(exchange)?, short(key)?);
        let what = format!("cannot publish {} on exchange {}", message.id, exchange);
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let publishing = async {
            let confirm = channel.basic_publish(exchange, key, mandatory, &message.body, properties);
            confirm.await?.await
        };
        match timeout(self.options.publish_timeout, publishing).await {
            Ok(Ok(Confirmation::Ack(None))) => Ok(()),
            Ok(Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)))) => {
                // Not even the exchange for the unroutable has a queue: the next session declares it.
                session.fail();
                Err(QueueError::unavailable(format!("{what}, or another: there is no queue for it")))
            }
            Ok(Ok(Confirmation::Nack(None))) => {
                Err(QueueError::unavailable(format!("{what}: its queue refused it, it is full or away")))
            }
            Ok(Ok(Confirmation::NotRequested)) => {
                session.fail();
                Err(QueueError::unavailable(format!("{what}: the channel does not confirm")))
            }
            Ok(Err(error)) => Err(blame_session(session, &what, &error)),
            // It works again by itself when the alarm is over, and until then a new one would fare no better.
            Err(_) if session.is_blocked() => Err(blocked()),
            Err(_) => {
                session.fail();
                let limit = self.options.publish_timeout;
                Err(QueueError::unavailable(format!("{what}: not confirmed in {limit:?}")))
            }
        }
    }
}

fn blocked() -> QueueError {
    QueueError::unavailable("RabbitMQ takes no messages: it has an alarm (memory or disk)")
}

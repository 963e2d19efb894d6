//! Publishing with publisher confirms, a bounded number of messages at a time.

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
use crate::connection::Connection;
use crate::message::properties;
use crate::session::Session;
use crate::topology::short;

/// A message, and where it goes: one of our exchanges, and a routing key.
pub(crate) struct RoutedMessage<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) key: &'a str,
    pub(crate) message: &'a Message,
}

/// Publishes on a connection of its own: an alarm of the broker blocks that one, and acknowledgements go on.
pub(crate) struct Publisher {
    connection: Arc<Connection>,
    options: Arc<Options>,
    clock: Arc<dyn Clock>,
    /// Channels that no call uses now. A channel serves one call at a time: lapin hands a returned message to any
    /// confirm of its channel.
    idle: Mutex<Vec<(Arc<Session>, Channel)>>,
}

/// Bodies of this size are big: 4 of them keep the broker as busy as 32 small ones.
const BIG: usize = 64 * 1024;
const BIG_IN_FLIGHT: usize = 4;
const SMALL_IN_FLIGHT: usize = 32;
/// How many channels are kept for the next call.
const MOST_IDLE_CHANNELS: usize = 4;
/// How often to check whether an alarm is over.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

impl Publisher {
    pub(crate) fn new(connection: Arc<Connection>, options: Arc<Options>, clock: Arc<dyn Clock>) -> Self {
        Self { connection, options, clock, idle: Mutex::default() }
    }

    /// Publishes all of `messages`; `Ok`: every queue they go to has confirmed them. [`QueueError::Refused`]: one of
    /// them never will be, and the others may or may not have been.
    pub(crate) async fn publish(&self, messages: &[RoutedMessage<'_>]) -> Result<(), QueueError> {
        if messages.is_empty() {
            return Ok(());
        }
        let session = self.connection.session().await?;
        self.publish_in(&session, messages).await
    }

    /// The same in this session of its connection and no other.
    pub(crate) async fn publish_in(
        &self,
        session: &Arc<Session>,
        messages: &[RoutedMessage<'_>],
    ) -> Result<(), QueueError> {
        self.wait_while_blocked(session).await?;
        let channel = self.channel(session).await?;
        let is_big = messages.iter().any(|routed| routed.message.body.len() >= BIG);
        let in_flight = if is_big { BIG_IN_FLIGHT } else { SMALL_IN_FLIGHT };
        let mut left = messages.iter();
        let mut publishing = FuturesUnordered::new();
        loop {
            let room = in_flight - publishing.len();
            publishing
                .extend(left.by_ref().take(room).map(|routed| self.publish_one(session, &channel, routed)));
            // After an error the channel is dropped: it may still wait for confirms.
            match publishing.next().await {
                Some(published) => published?,
                None => break,
            }
        }
        drop(publishing);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE_CHANNELS {
            idle.push((Arc::clone(session), channel));
        }
        Ok(())
    }

    async fn channel(&self, session: &Arc<Session>) -> Result<Channel, QueueError> {
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|(session, channel)| session.is_alive() && channel.status().connected());
            if let Some(known) = idle.iter().rposition(|(of, _)| Arc::ptr_eq(of, session)) {
                return Ok(idle.swap_remove(known).1);
            }
        }
        let channel = session.channel().await?;
        let select = channel.confirm_select(ConfirmSelectOptions::default());
        session.call("cannot publish", select).await?;
        Ok(channel)
    }

    /// Waits for the end of an alarm. What is written to a blocked connection stays in memory until then.
    async fn wait_while_blocked(&self, session: &Session) -> Result<(), QueueError> {
        let until = Instant::now() + self.options.publish_timeout;
        while session.is_blocked() && session.is_alive() {
            if Instant::now() >= until {
                return Err(blocked());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    async fn publish_one(
        &self,
        session: &Session,
        channel: &Channel,
        routed: &RoutedMessage<'_>,
    ) -> Result<(), QueueError> {
        let RoutedMessage { exchange, key, message } = routed;
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
                // Returned: the alternate exchange has no queue either. The next session declares both.
                session.abort();
                Err(QueueError::unavailable(format!("{what}, or another: there is no queue for it")))
            }
            Ok(Ok(Confirmation::Nack(None))) => {
                Err(QueueError::unavailable(format!("{what}: its queue refused it, it is full or away")))
            }
            Ok(Ok(Confirmation::NotRequested)) => {
                session.abort();
                Err(QueueError::unavailable(format!("{what}: the channel does not confirm")))
            }
            Ok(Err(error)) => Err(session.error(&what, &error)),
            // It works again when the alarm is over; a new connection would be blocked too.
            Err(_) if session.is_blocked() => Err(blocked()),
            Err(_) => {
                session.abort();
                let limit = self.options.publish_timeout;
                Err(QueueError::unavailable(format!("{what}: not confirmed in {limit:?}")))
            }
        }
    }
}

fn blocked() -> QueueError {
    QueueError::unavailable("RabbitMQ takes no messages: it has an alarm (memory or disk)")
}

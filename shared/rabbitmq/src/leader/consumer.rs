//! The consumer of the leader queue: it waits until it is the active one, and keeps the token that counts.

use std::sync::Arc;

use domain::{Message, MessageId};
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Acker, Channel, Consumer};
use ports::QueueError;
use tokio::time::timeout;
use tracing::debug;

use super::number::Number;
use super::token::{self, Kind};
use crate::client::Client;
use crate::message::read;
use crate::publish::RoutedMessage;
use crate::session::Session;
use crate::topology::short;

/// How many knocks may arrive before the leader reads them.
const PREFETCH: u16 = 32;
/// How long a leader may hold a token, in milliseconds. Brokers from 4.3 on take it as this consumer's limit, and ignore
/// policies and their own setting, which may be shorter; older ones ignore it. An argument of the queue would do the
/// same from 3.12 on, but an existing queue takes no new arguments.
const CONSUMER_TIMEOUT: i64 = 30 * 60 * 1000;

/// The token that counts, as far as we know.
struct Token {
    id: MessageId,
    number: Number,
    note: Option<Vec<u8>>,
    acker: Acker,
}

/// A consumer that waits to lead, or leads.
pub(super) struct LeaderConsumer {
    client: Arc<Client>,
    session: Arc<Session>,
    channel: Channel,
    /// `None` only while this is dropped. lapin cancels a consumer that is dropped, and the next process would lead
    /// before it can see the token that we hold: so the channel is closed first.
    consumer: Option<Consumer>,
    queue: String,
    token: Option<Token>,
    is_over: bool,
}

impl LeaderConsumer {
    /// Starts to consume, and publishes a knock.
    pub(super) async fn join(client: Arc<Client>) -> Result<Self, QueueError> {
        let session = client.leading.session().await?;
        let channel = session.channel().await?;
        let qos = channel.basic_qos(PREFETCH, BasicQosOptions::default());
        session.call("cannot set the prefetch", qos).await?;
        let queue = client.names.leader();
        let mut arguments = FieldTable::default();
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(CONSUMER_TIMEOUT));
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(short(&queue)?, "".into(), options, arguments);
        let consumer = Some(session.call(&format!("cannot consume from {queue}"), consuming).await?);
        let joined = Self { client, session, channel, consumer, queue, token: None, is_over: false };
        joined.publish(Kind::Knock, Number::default(), Vec::new()).await?;
        Ok(joined)
    }

    /// What the process shares.
    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether the term is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The term is over.
    pub(super) fn set_over(&mut self) {
        self.is_over = true;
    }

    /// The note in the token that counts.
    pub(super) fn note(&self) -> Option<&[u8]> {
        self.token.as_ref()?.note.as_deref()
    }

    /// The number of the token that counts.
    pub(super) fn number(&self) -> Option<Number> {
        self.token.as_ref().map(|token| token.number)
    }

    /// Waits until this is the active consumer, and has seen every token on the queue.
    pub(super) async fn wait_until_active(&mut self) -> Result<(), QueueError> {
        self.next().await?;
        let fence = self.publish(Kind::Fence, Number::default(), Vec::new()).await?;
        let limit = self.client.options.publish_timeout;
        let seen = timeout(limit, async {
            while self.next().await? != fence {}
            Ok(())
        })
        .await;
        seen.unwrap_or_else(|_| Err(QueueError::unavailable("the queue of leaders was not read to its end")))
    }

    /// Publishes a message on the queue and returns its id.
    pub(super) async fn publish(
        &self,
        kind: Kind,
        number: Number,
        body: Vec<u8>,
    ) -> Result<MessageId, QueueError> {
        let message = token::message(kind, number, body);
        let routed = RoutedMessage { exchange: &self.queue, key: "", message: &message };
        self.client.publisher.publish(&[routed]).await?;
        Ok(message.id)
    }

    /// Receives the next message and returns its id. A token that is later than ours replaces it; everything else is
    /// acknowledged. Cancel-safe: what was not acknowledged for that is delivered again, to the next leader.
    pub(super) async fn next(&mut self) -> Result<MessageId, QueueError> {
        let consumer = self.consumer.as_mut().ok_or_else(|| QueueError::unavailable("the term is over"))?;
        let mut delivery = match consumer.next().await {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(self.end(&error.to_string())),
            None => return Err(self.end("its queue was deleted, or moved")),
        };
        let acker = delivery.acker.clone();
        let (Message { id, headers, body }, _) = read(&mut delivery);
        let mut spent = acker.clone();
        if let Some((note, number)) = token::read(&headers, body)
            && self.token.as_ref().is_none_or(|token| number.is_after(token.number))
        {
            match self.token.replace(Token { id: id.clone(), number, note, acker }) {
                Some(old) => spent = old.acker,
                None => return Ok(id),
            }
        }
        let acknowledged = spent.ack(BasicAckOptions::default());
        match timeout(self.client.options.call_timeout, acknowledged).await {
            Ok(Ok(true)) => Ok(id),
            _ => Err(self.end("an acknowledgement was not sent")),
        }
    }

    /// Waits until the token `id` is delivered back and counts: then it is what a successor finds.
    pub(super) async fn wait_for(&mut self, id: &MessageId) -> Result<(), QueueError> {
        while self.next().await? != *id {}
        if self.token.as_ref().is_some_and(|token| token.id == *id) { Ok(()) } else { Err(QueueError::Lost) }
    }

    fn end(&mut self, reason: &str) -> QueueError {
        self.is_over = true;
        self.session.abort();
        QueueError::unavailable(format!("the connection that leads ended: {reason}"))
    }
}

impl Drop for LeaderConsumer {
    fn drop(&mut self) {
        let (session, channel, consumer) =
            (Arc::clone(&self.session), self.channel.clone(), self.consumer.take());
        let leave = async move {
            let closing = channel.close(200, "leaving".into());
            if let Err(error) = session.call("cannot leave the line of leaders", closing).await {
                debug!(%error, "the broker will notice that a leader left");
            }
            drop(consumer);
        };
        self.client.tasks.spawn_on(leave, &self.client.runtime);
    }
}

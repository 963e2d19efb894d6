//! Leadership: who is the single active consumer of one queue leads, and the note is a message in it.
//!
//! The queue holds *tokens*. A token is a note with the number of the term it was written in, and of its
//! place in that term. The one with the latest number counts. Its leader keeps it unacknowledged, so that
//! the broker gives it to the successor. Whoever joins *knocks*, so that there is something to be delivered;
//! the one that gets a delivery is the active consumer. It publishes a *fence* and reads until that comes: by
//! then it has seen every token. Then it writes the note again with the number of its own term, which no
//! late token of an earlier leader can beat.
//!
//! A token is written when it was delivered back to its writer: that proves that the writer was still the
//! active consumer. Losing the connection, not hearing of a token in time, or a later token of somebody else ends the
//! term.
//!
//! Brokers take away what a consumer holds for too long: up to 4.2 with its channel, from 4.3 on by cancelling the
//! consumer, and one that then stays connected may block the queue for all (rabbitmq-server #17317). So a term is a task
//! of its own, which goes on whatever its holder does: it writes the token anew long before any such limit, and a
//! consumer that is cancelled ends the term with its connection. It does not listen while a token waits for the broker's
//! confirmation, which is no longer than the limit for publishing: a broker that then cancels it is heard after that.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Headers, Message, MessageId};
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Acker, Channel, Consumer};
use ports::{Leadership, QueueError, Term};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use crate::RabbitQueue;
use crate::incoming::read;
use crate::link::Session;
use crate::publish::Post;
use crate::queue::Inner;
use crate::topology::short;

mod number;

use number::Number;

/// The connection that leads is given up sooner than others: its successor waits for that.
pub(crate) const HEARTBEAT: u16 = 3;

const KIND: &str = "x-leader-kind";
/// The kind of a token without a note.
const EMPTY: &str = "empty-token";
const TOKEN: &str = "token";
const KNOCK: &str = "knock";
const FENCE: &str = "fence";

/// Knocks that may arrive before the leader looks.
const PREFETCH: u16 = 32;
/// How long a leader may hold a token, in milliseconds. Brokers from 4.3 on take it from the consumer that says so, and
/// then look neither at policies nor at their own setting, which may be shorter; older ones ignore it. An argument of
/// the queue would do the same from 3.12 on, but an existing queue takes no new arguments.
const CONSUMER_TIMEOUT: i64 = 30 * 60 * 1000;

#[async_trait]
impl Leadership for RabbitQueue {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        let mut line = Line::join(Arc::clone(&self.inner)).await?;
        // Who is about to publish pages sees to those that the archive does not have yet.
        self.inner.feed.attend(&self.inner);
        line.wait().await?;
        let mut term = RabbitTerm { line, number: Number::default(), written_at: Instant::now() };
        term.begin().await?;
        Ok(Box::new(Lead::of(term)))
    }
}

/// The token that counts, as far as we know.
struct Token {
    id: MessageId,
    number: Number,
    note: Option<Vec<u8>>,
    receipt: Acker,
}

/// A place in the line of those who wait to lead, or its head.
struct Line {
    shared: Arc<Inner>,
    session: Arc<Session>,
    channel: Channel,
    /// Only `None` while it is dropped. lapin cancels a consumer that is dropped, and then the next one leads
    /// before it can see what we hold: the channel is closed first.
    consumer: Option<Consumer>,
    queue: String,
    token: Option<Token>,
    is_over: bool,
}

impl Line {
    async fn join(shared: Arc<Inner>) -> Result<Self, QueueError> {
        let session = shared.leading.session().await?;
        let channel = session.channel().await?;
        let qos = channel.basic_qos(PREFETCH, BasicQosOptions::default());
        session.call("cannot set the prefetch", qos).await?;
        let queue = shared.names.leader();
        let mut arguments = FieldTable::default();
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(CONSUMER_TIMEOUT));
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(short(&queue)?, "".into(), options, arguments);
        let consumer = session.call(&format!("cannot consume from {queue}"), consuming).await?;
        let line =
            Self { shared, session, channel, consumer: Some(consumer), queue, token: None, is_over: false };
        line.publish(KNOCK, Number::default(), Vec::new()).await?;
        Ok(line)
    }

    /// Waits for the head of the line: every token in the queue has been seen then.
    async fn wait(&mut self) -> Result<(), QueueError> {
        self.next().await?;
        let fence = self.publish(FENCE, Number::default(), Vec::new()).await?;
        let limit = self.shared.options.publish_timeout;
        let seen = timeout(limit, async {
            while self.next().await? != fence {}
            Ok(())
        })
        .await;
        seen.unwrap_or_else(|_| Err(QueueError::unavailable("the queue of leaders was not read to its end")))
    }

    /// Publishes a message in the queue and returns its id.
    async fn publish(&self, kind: &str, number: Number, body: Vec<u8>) -> Result<MessageId, QueueError> {
        let id = MessageId::new(format!("leader/{kind}/{:016x}", fastrand::u64(..)));
        let headers = number.say(Headers::new().with(KIND, kind));
        let message = Message { id: id.clone(), headers, body: body.into() };
        let post = Post { exchange: &self.queue, key: "", message: &message };
        self.shared.publisher.publish(&[post]).await?;
        Ok(id)
    }

    /// Takes the next message and returns its id. A token that is later than ours becomes ours; all else
    /// is acknowledged. Cancel-safe: what is given up half-way is only acknowledged later.
    async fn next(&mut self) -> Result<MessageId, QueueError> {
        let consumer = self.consumer.as_mut().ok_or_else(|| QueueError::unavailable("the term is over"))?;
        let mut arrived = match consumer.next().await {
            Some(Ok(arrived)) => arrived,
            Some(Err(error)) => return Err(self.end(&error.to_string())),
            None => return Err(self.end("its queue was deleted, or moved")),
        };
        let receipt = arrived.acker.clone();
        let (Message { id, headers, body }, _) = read(&mut arrived);
        let note = match headers.get(KIND) {
            Some(TOKEN) => Some(Some(body.into())),
            Some(EMPTY) => Some(None),
            _ => None,
        };
        let mut spent = receipt.clone();
        if let (Some(note), Some(number)) = (note, Number::read(&headers))
            && self.token.as_ref().is_none_or(|token| number.is_after(token.number))
        {
            match self.token.replace(Token { id: id.clone(), number, note, receipt }) {
                Some(old) => spent = old.receipt,
                None => return Ok(id),
            }
        }
        let acknowledged = spent.ack(BasicAckOptions::default());
        match timeout(self.shared.options.call_timeout, acknowledged).await {
            Ok(Ok(true)) => Ok(id),
            _ => Err(self.end("an acknowledgement was not sent")),
        }
    }

    /// Waits until the token with this id is back, and is ours: then it is what a successor finds.
    async fn hear(&mut self, id: &MessageId) -> Result<(), QueueError> {
        while self.next().await? != *id {}
        if self.token.as_ref().is_some_and(|token| token.id == *id) { Ok(()) } else { Err(QueueError::Lost) }
    }

    fn end(&mut self, reason: &str) -> QueueError {
        self.is_over = true;
        self.session.fail();
        QueueError::unavailable(format!("the connection that leads ended: {reason}"))
    }
}

impl Drop for Line {
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
        self.shared.tasks.spawn_on(leave, &self.shared.runtime);
    }
}

/// The term, in the task that keeps it.
struct RabbitTerm {
    line: Line,
    /// Of the newest token that we published.
    number: Number,
    written_at: Instant,
}

impl RabbitTerm {
    /// Writes the note that was found under the number of this term.
    async fn begin(&mut self) -> Result<(), QueueError> {
        let found = self.line.token.as_ref().map(|token| token.number);
        self.number = found.unwrap_or_default().next_term();
        let note = self.note().map(<[u8]>::to_vec);
        self.put(note).await
    }

    async fn put(&mut self, note: Option<Vec<u8>>) -> Result<(), QueueError> {
        if self.line.is_over {
            return Err(QueueError::Lost);
        }
        let limit = self.line.shared.options.publish_timeout;
        let putting = async {
            let id = self.publish(note).await?;
            self.line.hear(&id).await
        };
        let put = timeout(limit, putting).await.unwrap_or(Err(QueueError::Lost));
        self.written_at = Instant::now();
        put.inspect_err(|_| self.line.is_over = true)
    }

    /// Publishes a token with the next number.
    async fn publish(&mut self, note: Option<Vec<u8>>) -> Result<MessageId, QueueError> {
        self.number = self.number.next();
        let (kind, body) = note.map_or((EMPTY, Vec::new()), |note| (TOKEN, note));
        self.line.publish(kind, self.number, body).await
    }

    fn note(&self) -> Option<&[u8]> {
        self.line.token.as_ref()?.note.as_deref()
    }

    /// Listens, writes what is asked for, and the same again from time to time, until the term is over or nobody asks
    /// any more.
    async fn reign(&mut self, mut asks: mpsc::Receiver<Ask>) {
        while !self.line.is_over {
            let left = self.line.shared.options.lead_renewal.saturating_sub(self.written_at.elapsed());
            tokio::select! {
                biased;
                ask = asks.recv() => match ask {
                    // Who does not wait for the answer has ended the term.
                    Some(Ask { note, answer }) => drop(answer.send(self.put(Some(note)).await)),
                    None => return,
                },
                // An error has ended the term.
                heard = timeout(left, self.line.next()) => if heard.is_err() {
                    self.renew().await;
                },
            }
        }
    }

    /// Writes the note anew. When nothing can be published now, what is held is good for a while yet.
    async fn renew(&mut self) {
        let note = self.note().map(<[u8]>::to_vec);
        let published = self.publish(note).await;
        self.written_at = Instant::now();
        match published {
            Ok(id) => {
                let limit = self.line.shared.options.publish_timeout;
                if !matches!(timeout(limit, self.line.hear(&id)).await, Ok(Ok(()))) {
                    self.line.is_over = true;
                }
            }
            Err(error) => debug!(%error, "the leader's note cannot be written anew"),
        }
    }
}

/// What the holder of a term asks of it.
struct Ask {
    note: Vec<u8>,
    answer: oneshot::Sender<Result<(), QueueError>>,
}

/// The holder's end of a term.
struct Lead {
    note: Option<Vec<u8>>,
    asks: mpsc::Sender<Ask>,
    over: CancellationToken,
    stop: Option<Stop>,
}

/// Ends a term with a token that holds up a flush until the line is left.
struct Stop {
    shared: Arc<Inner>,
    send: oneshot::Sender<TaskTrackerToken>,
}

impl Lead {
    fn of(mut term: RabbitTerm) -> Self {
        let (shared, note) = (Arc::clone(&term.line.shared), term.note().map(<[u8]>::to_vec));
        let (asks, asked) = mpsc::channel(1);
        let (send, stopped) = oneshot::channel();
        let over = CancellationToken::new();
        let ended = over.clone().drop_guard();
        let keeping = async move {
            let token = tokio::select! {
                biased;
                token = stopped => token.ok(),
                () = term.reign(asked) => None,
            };
            drop((term, ended, token));
        };
        shared.runtime.spawn(keeping);
        Self { note, asks, over, stop: Some(Stop { shared, send }) }
    }
}

#[async_trait]
impl Term for Lead {
    fn note(&self) -> Option<&[u8]> {
        self.note.as_deref()
    }

    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { note: note.clone(), answer }).await.map_err(|_| QueueError::Lost)?;
        answered.await.map_err(|_| QueueError::Lost)??;
        self.note = Some(note);
        Ok(())
    }

    async fn over(&mut self) {
        self.over.cancelled().await;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(Stop { shared, send }) = self.stop.take() {
            // A term that is over has left the line already.
            drop(send.send(shared.tasks.token()));
        }
    }
}

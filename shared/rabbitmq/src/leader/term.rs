//! A term as leader: the task that keeps it, and the holder's handle to that task.

use std::sync::Arc;

use async_trait::async_trait;
use domain::MessageId;
use ports::{QueueError, Term};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use super::consumer::LeaderConsumer;
use super::number::Number;
use super::token::Kind;
use crate::client::Client;

/// The term, in the task that keeps it.
struct TermTask {
    consumer: LeaderConsumer,
    /// The number of the newest token that we published.
    number: Number,
    written_at: Instant,
}

impl TermTask {
    /// Writes the note that was found under the number of this term.
    async fn begin(consumer: LeaderConsumer) -> Result<Self, QueueError> {
        let number = consumer.number().unwrap_or_default().next_term();
        let mut task = Self { consumer, number, written_at: Instant::now() };
        task.write(task.note()).await?;
        Ok(task)
    }

    async fn write(&mut self, note: Option<Vec<u8>>) -> Result<(), QueueError> {
        if self.consumer.is_over() {
            return Err(QueueError::Lost);
        }
        let limit = self.consumer.client().options.publish_timeout;
        let writing = async {
            let id = self.publish(note).await?;
            self.consumer.wait_for(&id).await
        };
        let written = timeout(limit, writing).await.unwrap_or(Err(QueueError::Lost));
        self.written_at = Instant::now();
        written.inspect_err(|_| self.consumer.set_over())
    }

    /// Publishes a token with the next number.
    async fn publish(&mut self, note: Option<Vec<u8>>) -> Result<MessageId, QueueError> {
        self.number = self.number.next();
        let (kind, body) = note.map_or((Kind::EmptyToken, Vec::new()), |note| (Kind::Token, note));
        self.consumer.publish(kind, self.number, body).await
    }

    fn note(&self) -> Option<Vec<u8>> {
        self.consumer.note().map(<[u8]>::to_vec)
    }

    /// Listens, writes what the holder asks for, and renews the token from time to time, until the term is over or the
    /// holder is gone.
    async fn run(&mut self, mut requests: mpsc::Receiver<WriteRequest>) {
        while !self.consumer.is_over() {
            let renewal = self.consumer.client().options.lead_renewal;
            let left = renewal.saturating_sub(self.written_at.elapsed());
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    // A holder that does not wait for the answer has dropped the term.
                    Some(WriteRequest { note, answer }) => drop(answer.send(self.write(Some(note)).await)),
                    None => return,
                },
                // An error has ended the term.
                received = timeout(left, self.consumer.next()) => if received.is_err() {
                    self.renew().await;
                },
            }
        }
    }

    /// Writes the note anew. When nothing can be published now, the token that we hold counts for a while yet.
    async fn renew(&mut self) {
        let published = self.publish(self.note()).await;
        self.written_at = Instant::now();
        match published {
            Ok(id) => {
                let limit = self.consumer.client().options.publish_timeout;
                if !matches!(timeout(limit, self.consumer.wait_for(&id)).await, Ok(Ok(()))) {
                    self.consumer.set_over();
                }
            }
            Err(error) => debug!(%error, "the leader's note cannot be written anew"),
        }
    }
}

/// A note that the holder wants to write.
struct WriteRequest {
    note: Vec<u8>,
    answer: oneshot::Sender<Result<(), QueueError>>,
}

/// The holder's handle.
pub(super) struct HeldTerm {
    note: Option<Vec<u8>>,
    requests: mpsc::Sender<WriteRequest>,
    over: CancellationToken,
    stop: Option<Stop>,
}

/// Ends the task. The token delays a flush until the task has left the leader queue.
struct Stop {
    client: Arc<Client>,
    send: oneshot::Sender<TaskTrackerToken>,
}

impl HeldTerm {
    /// Begins the term of the process whose consumer is active.
    pub(super) async fn begin(consumer: LeaderConsumer) -> Result<Self, QueueError> {
        let mut task = TermTask::begin(consumer).await?;
        let (client, note) = (Arc::clone(task.consumer.client()), task.note());
        let (requests, received) = mpsc::channel(1);
        let (send, stopped) = oneshot::channel();
        let over = CancellationToken::new();
        let ended = over.clone().drop_guard();
        let keeping = async move {
            let token = tokio::select! {
                biased;
                token = stopped => token.ok(),
                () = task.run(received) => None,
            };
            drop((task, ended, token));
        };
        client.runtime.spawn(keeping);
        Ok(Self { note, requests, over, stop: Some(Stop { client, send }) })
    }
}

#[async_trait]
impl Term for HeldTerm {
    fn note(&self) -> Option<&[u8]> {
        self.note.as_deref()
    }

    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        let (answer, answered) = oneshot::channel();
        let request = WriteRequest { note: note.clone(), answer };
        self.requests.send(request).await.map_err(|_| QueueError::Lost)?;
        answered.await.map_err(|_| QueueError::Lost)??;
        self.note = Some(note);
        Ok(())
    }

    async fn over(&mut self) {
        self.over.cancelled().await;
    }
}

impl Drop for HeldTerm {
    fn drop(&mut self) {
        if let Some(Stop { client, send }) = self.stop.take() {
            // When the term is over, the task has ended already.
            drop(send.send(client.tasks.token()));
        }
    }
}

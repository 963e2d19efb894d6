//! How a delivery ends: settled, given back, or lost with its channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::Message;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicQosOptions};
use lapin::{Acker, Channel};
use outage::Backoff;
use ports::{QueueError, QueueName, Receipt, Settlement};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use crate::link::Session;
use crate::publish::Post;
use crate::queue::Inner;

/// What this process has of each queue.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    waiting: [AtomicU64; QueueName::ALL.len()],
    held: [AtomicU64; QueueName::ALL.len()],
}

impl Tally {
    /// Messages that arrived and nobody asked for yet.
    pub fn waiting(&self, queue: QueueName) -> u64 {
        self.waiting[queue as usize].load(Ordering::SeqCst)
    }

    /// Messages that were handed out.
    pub fn held(&self, queue: QueueName) -> u64 {
        self.held[queue as usize].load(Ordering::SeqCst)
    }
}

/// The channel of a consumer, which its deliveries keep open.
pub(crate) struct Ground {
    pub session: Arc<Session>,
    pub channel: Channel,
    pub prefetch: u16,
}

impl Ground {
    /// Asks the broker something. Its answer proves that it read all that was sent before, and that what
    /// the channel holds is still ours.
    async fn prove(&self, limit: Duration) -> Result<(), QueueError> {
        let asked = self.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        if let Ok(Ok(())) = timeout(limit, asked).await {
            return Ok(());
        }
        self.session.fail();
        Err(QueueError::Lost)
    }

    /// The end of an acknowledgement: it was sent, and read.
    async fn confirm(
        &self,
        sent: impl Future<Output = lapin::Result<bool>>,
        limit: Duration,
    ) -> Result<(), QueueError> {
        if let Ok(Ok(true)) = timeout(limit, sent).await {
            return self.prove(limit).await;
        }
        self.session.fail();
        Err(QueueError::Lost)
    }
}

/// A delivery that is ours until it is settled or given back.
pub(crate) struct RabbitReceipt {
    pub shared: Arc<Inner>,
    pub ground: Arc<Ground>,
    pub acker: Acker,
    pub from: QueueName,
    /// The broker's name of the queue it came from.
    pub origin: Arc<str>,
    /// What to publish when it is given back; `None`: it goes back as it is, its queue has no limit.
    pub copy: Option<Message>,
    pub permit: Option<OwnedSemaphorePermit>,
    is_held: bool,
    is_over: bool,
}

impl RabbitReceipt {
    /// Of a delivery that just arrived.
    pub fn new(
        shared: Arc<Inner>,
        ground: Arc<Ground>,
        acker: Acker,
        from: QueueName,
        origin: Arc<str>,
        copy: Option<Message>,
    ) -> Self {
        shared.tally.waiting[from as usize].fetch_add(1, Ordering::SeqCst);
        Self { shared, ground, acker, from, origin, copy, permit: None, is_held: false, is_over: false }
    }

    /// Now it is handed out.
    pub fn hold(&mut self, permit: OwnedSemaphorePermit) {
        self.permit = Some(permit);
        self.is_held = true;
        let (tally, queue) = (&self.shared.tally, self.from as usize);
        tally.held[queue].fetch_add(1, Ordering::SeqCst);
        tally.waiting[queue].fetch_sub(1, Ordering::SeqCst);
    }

    async fn acknowledge(&mut self) -> Result<(), QueueError> {
        let limit = self.shared.options.call_timeout;
        let acked = self.ground.confirm(self.acker.ack(BasicAckOptions::default()), limit).await;
        // Lost or acknowledged, nothing is left to give back.
        self.is_over = true;
        acked
    }

    /// Publishes what the settlement asks for, when the delivery is still ours.
    async fn post(&mut self, exchange: &str, key: &str, message: &Message) -> Result<(), QueueError> {
        let proof = self.ground.prove(self.shared.options.call_timeout).await;
        proof.inspect_err(|_| self.is_over = true)?;
        self.shared.publisher.publish(&[Post { exchange, key, message }]).await
    }
}

#[async_trait]
impl Receipt for RabbitReceipt {
    async fn settle(mut self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        match self.publish(message, settlement).await {
            Ok(()) => self.acknowledge().await,
            Err(QueueError::Refused { reason }) => self.hand_over(&reason).await,
            Err(error) => Err(error),
        }
    }
}

impl RabbitReceipt {
    /// Publishes what `settlement` of `message` asks for.
    async fn publish(&mut self, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        let shared = Arc::clone(&self.shared);
        let (names, now) = (&shared.names, shared.clock.now());
        match settlement {
            Settlement::Done => (),
            Settlement::RetryAfter { delay, attempt } => {
                let message = message.retried(attempt, now);
                self.post(&names.retry(), &names.retry_key(self.from, delay), &message).await?;
            }
            Settlement::DeadLetter(letter) => {
                self.post(&names.of(QueueName::Dead), "dead", &letter.into_message()).await?;
            }
        }
        Ok(())
    }

    /// Gives the delivery to the broker, which moves it to the dead letters as it is: that takes no publishing, so
    /// it works for what cannot be published. A letter has no further to go, and returns to its queue.
    async fn hand_over(&mut self, reason: &str) -> Result<(), QueueError> {
        let requeue = self.from == QueueName::Dead;
        warn!(queue = %self.from, reason, "settled without what the queue refuses; see the dead letters");
        let limit = self.shared.options.call_timeout;
        let nack = self.acker.nack(BasicNackOptions { requeue, ..BasicNackOptions::default() });
        let given = self.ground.confirm(nack, limit).await;
        self.is_over = true;
        given
    }
}

impl Drop for RabbitReceipt {
    fn drop(&mut self) {
        let from = self.from as usize;
        let tally = if self.is_held { &self.shared.tally.held } else { &self.shared.tally.waiting };
        if self.is_over {
            tally[from].fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let back = GiveBack {
            shared: Arc::clone(&self.shared),
            ground: Arc::clone(&self.ground),
            acker: self.acker.clone(),
            origin: Arc::clone(&self.origin),
            copy: self.copy.take(),
            permit: self.permit.take(),
        };
        let (shared, is_held) = (Arc::clone(&self.shared), self.is_held);
        let give_back = async move {
            back.run().await;
            let tally = if is_held { &shared.tally.held } else { &shared.tally.waiting };
            tally[from].fetch_sub(1, Ordering::SeqCst);
        };
        self.shared.tasks.spawn_on(give_back, &self.shared.runtime);
    }
}

/// A delivery on its way back to its queue.
struct GiveBack {
    shared: Arc<Inner>,
    ground: Arc<Ground>,
    acker: Acker,
    origin: Arc<str>,
    copy: Option<Message>,
    permit: Option<OwnedSemaphorePermit>,
}

/// How long a message is kept here while it cannot be published; brokers take it away after 30 minutes.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// The shortest wait before it is tried again.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// The same when the process is about to end.
const LONGEST_HURRY: Duration = Duration::from_secs(3);

impl GiveBack {
    /// A message that is published again was never handed out, as far as the limit goes; brokers before
    /// 4.3 count one that is returned.
    async fn run(mut self) {
        let limit = self.shared.options.call_timeout;
        let given = match self.copy.take() {
            Some(copy) => match self.republish(&copy).await {
                Ok(true) => self.ground.confirm(self.acker.ack(BasicAckOptions::default()), limit).await,
                Ok(false) => self.nack(limit).await,
                Err(lost) => Err(lost),
            },
            None => self.nack(limit).await,
        };
        if given.is_err() {
            debug!(queue = %self.origin, "the broker gives a message back by itself: its connection is gone");
        }
        drop(self.permit);
    }

    async fn nack(&self, limit: Duration) -> Result<(), QueueError> {
        let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        self.ground.confirm(self.acker.nack(requeue), limit).await
    }

    /// `false`: it cannot be published now.
    async fn republish(&self, message: &Message) -> Result<bool, QueueError> {
        let Inner { names, options, publisher, hurry, .. } = &*self.shared;
        let (exchange, key) = names.back_to(&self.origin);
        let post = [Post { exchange: &exchange, key: &key, message }];
        let began = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            self.ground.prove(options.call_timeout).await?;
            let longest = if hurry.is_cancelled() { LONGEST_HURRY } else { LONGEST_WAIT };
            let left = longest.saturating_sub(began.elapsed());
            let error = tokio::select! {
                published = timeout(left, publisher.publish(&post)) => match published {
                    Ok(Ok(())) => return Ok(true),
                    Ok(Err(error)) => error,
                    Err(_) => return Ok(false),
                },
                () = last_moment(hurry) => return Ok(false),
            };
            if !error.is_transient() {
                warn!(queue = %self.origin, %error, "a message goes back as it is, which counts as a delivery");
                return Ok(false);
            }
            let pause = backoff.next_wait().max(TRY_EVERY);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = hurry.cancelled(), if !hurry.is_cancelled() => {}
            }
            if hurry.is_cancelled() {
                backoff.reset();
            }
        }
    }
}

/// Returns a little after the process was told to end.
async fn last_moment(hurry: &tokio_util::sync::CancellationToken) {
    hurry.cancelled().await;
    tokio::time::sleep(LONGEST_HURRY).await;
}

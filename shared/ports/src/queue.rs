//! The queue port: durable work queues with confirmed publishing, leases and dead letters.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, Message, QueueName};

/// What a queue cannot do. The adapter decides which; callers only ask [`is_transient`](Self::is_transient).
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue cannot be reached, is busy, full or went away. Waiting helps.
    #[error("the queue is not available: {reason}")]
    Unavailable {
        /// What happened, without secrets.
        reason: String,
    },
    /// The delivery was already given to someone else, or its session is gone. It will be, or was,
    /// delivered again; nothing is lost.
    #[error("the delivery is no longer ours")]
    Lost,
    /// Someone has to change the configuration or the queue first. Waiting does not help.
    #[error("the queue is misconfigured: {reason}")]
    Misconfigured {
        /// What is wrong and what to do, without secrets.
        reason: String,
    },
    /// This message, or one of these, can never be published as it is: it is larger than the broker allows, or
    /// has more headers than fit. Nothing is wrong with the queue, and other messages go on. The caller has to do without
    /// the message; a delivery that leads to it belongs to the dead letters.
    #[error("the queue refuses the message: {reason}")]
    Refused {
        /// Which message and why, without secrets.
        reason: String,
    },
}

impl QueueError {
    /// What an adapter says: whether waiting helps, and what happened or what to do, without secrets.
    pub fn by_adapter(is_transient: bool, reason: String) -> Self {
        if is_transient { Self::Unavailable { reason } } else { Self::Misconfigured { reason } }
    }

    /// Whether waiting and trying again can help.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Misconfigured { .. } | Self::Refused { .. })
    }

    /// An [`Unavailable`](Self::Unavailable) that says what `error` says.
    pub fn unavailable(error: impl fmt::Display) -> Self {
        Self::Unavailable { reason: error.to_string() }
    }
}

/// How many messages a queue holds, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be delivered now.
    pub ready: u64,
    /// Waiting for their retry time.
    pub delayed: u64,
    /// Delivered and not settled yet; some brokers only tell what this process holds.
    pub unsettled: u64,
    /// When the oldest of them was published; `None` when empty or not known.
    pub oldest_at: Option<DateTime<Utc>>,
}

impl Depth {
    /// All messages.
    pub fn total(self) -> u64 {
        self.ready + self.delayed + self.unsettled
    }
}

/// Durable queues.
///
/// # Guarantees (for callers)
/// - A message whose [`publish`](Self::publish) returned `Ok` survives a crash of any process and is
///   delivered until it is settled.
/// - Delivery is at least once and in no particular order.
/// - Each unsettled delivery is held by one consumer; when its process dies or freezes, the message is
///   delivered again, to anyone, within a bounded time (the lease, or the heartbeat).
/// - A message whose holder died more often than the delivery limit is moved to the dead queue by the queue,
///   with class [`DeliveryLimit`](domain::Class::DeliveryLimit).
///
/// # Not guaranteed
/// Exactly once: publishing twice under one id may deliver twice. Consumers must not mind.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Makes `messages` durable on `to`. `Ok`: all of them are, on that queue and nowhere else. `Err`: any subset
    /// may be; publish all again under the same ids. [`QueueError::Refused`]: one of them can never be published.
    ///
    /// A live page on [`QueueName::Raw`] also enters the archive, once, however often it is published; its retries
    /// and replays do not. What the queue refuses is not archived. An archive that is away holds up no
    /// publisher: what was published meanwhile is appended when it is back.
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError>;

    /// Starts consuming: at most `prefetch` (at least 1) deliveries unsettled at any time.
    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError>;

    /// How much is in `queue`. For people and metrics: brokers may be seconds behind, so never proof
    /// that something is done.
    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError>;

    /// Waits until everything that consumers of this process gave up (deliveries dropped unsettled, waits cancelled half-way)
    /// is requeued, so that others need not wait for its lease to expire. For the end of a process. Queues that requeue at
    /// once have nothing to do.
    async fn flush(&self) {}
}

/// A running consumer. Dropping it stops consuming; deliveries already handed out stay valid.
#[async_trait]
pub trait Consumer: Send {
    /// Waits for the next delivery. Cancel-safe. After an error the consumer is useless: drop it and
    /// consume anew.
    async fn next(&mut self) -> Result<Delivery, QueueError>;
}

/// How a delivery ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done: forget it.
    Done,
    /// Deliver it again, not before `delay` has passed, with its attempt header set to `attempt`.
    RetryAfter {
        /// How long to wait; an adapter with fixed delays takes the nearest one.
        delay: Duration,
        /// The number of the next attempt; unchanged when it was not the message's fault.
        attempt: u32,
    },
    /// Move it to the dead queue as this letter.
    DeadLetter(Box<DeadLetter>),
}

/// The adapter's half of a delivery.
#[async_trait]
pub trait Receipt: Send + Sync {
    /// Settles `message` durably. What the settlement publishes is durable before the original is acked. When the queue
    /// refuses that for good, the message still goes to the dead letters or, if it came from there, back.
    /// [`QueueError::Lost`]: another consumer has the message now.
    async fn settle(self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError>;
}

/// A message that was handed out and must be settled. Settling consumes it, so it happens at most once
/// (invariant 3). Dropping it unsettled requeues the message.
pub struct Delivery {
    message: Message,
    deliveries: u32,
    receipt: Box<dyn Receipt>,
}

impl Delivery {
    /// A delivery of `message`, the `deliveries`-th one (from 1), settled through `receipt`.
    pub fn new(message: Message, deliveries: u32, receipt: Box<dyn Receipt>) -> Self {
        Self { message, deliveries, receipt }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// How often the message was handed out since it was published or retried, counting this time.
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// Settles the delivery. On an error the message will be delivered again (or, when only the answer
    /// was lost, has been settled); either way nothing is left to do.
    pub async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        self.receipt.settle(self.message, settlement).await
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.message.id)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}

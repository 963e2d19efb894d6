//! Queues that refuse, or hang.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::Message;
use ports::{Consumer, Depth, Queue, QueueError, QueueName};
use testkit::memory::MemoryQueue;
use tokio::sync::Notify;

/// A queue that takes nothing while it `refuses`, although it can be led: a broker whose memory is full.
pub(crate) struct RefusingQueue {
    pub(crate) inner: MemoryQueue,
    pub(crate) refuses: AtomicBool,
}

#[async_trait]
impl Queue for RefusingQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(QueueError::unavailable("it is full"));
        }
        self.inner.publish(to, messages).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }
}

/// A queue on which one call of `publish` never returns.
pub(crate) struct HangingQueue {
    pub(crate) inner: MemoryQueue,
    /// Which call hangs, from 0.
    pub(crate) call: usize,
    /// Whether the messages are durable by then.
    pub(crate) after: bool,
    pub(crate) calls: AtomicUsize,
    pub(crate) hangs: Notify,
}

impl HangingQueue {
    pub(crate) fn new(inner: MemoryQueue, call: usize, after: bool) -> Self {
        Self { inner, call, after, calls: AtomicUsize::new(0), hangs: Notify::new() }
    }
}

#[async_trait]
impl Queue for HangingQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) != self.call {
            return self.inner.publish(to, messages).await;
        }
        if self.after {
            self.inner.publish(to, messages).await?;
        }
        self.hangs.notify_one();
        std::future::pending().await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }
}

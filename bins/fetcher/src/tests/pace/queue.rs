//! A queue that takes some things and not others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::Message;
use ports::{Consumer, Depth, Leadership, Queue, QueueError, QueueName, Term};
use testkit::memory::MemoryQueue;

/// A queue of which parts can be away.
pub(super) struct UnsteadyQueue {
    inner: MemoryQueue,
    pub(super) takes_messages: AtomicBool,
    pub(super) lets_lead: AtomicBool,
    pub(super) takes_notes: AtomicBool,
    /// Terms end when they have begun.
    pub(super) flickers: AtomicBool,
    pub(super) calls: AtomicUsize,
}

impl UnsteadyQueue {
    pub(super) fn new(inner: MemoryQueue) -> Arc<Self> {
        Arc::new(Self {
            inner,
            takes_messages: true.into(),
            lets_lead: true.into(),
            takes_notes: true.into(),
            flickers: false.into(),
            calls: AtomicUsize::new(0),
        })
    }

    pub(super) fn heal(&self) {
        for part in [&self.takes_messages, &self.lets_lead, &self.takes_notes] {
            part.store(true, Ordering::Relaxed);
        }
        self.flickers.store(false, Ordering::Relaxed);
    }

    fn ask(&self, part: &AtomicBool) -> Result<(), QueueError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if part.load(Ordering::Relaxed) { Ok(()) } else { Err(QueueError::unavailable("it is full")) }
    }
}

#[async_trait]
impl Queue for UnsteadyQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        self.ask(&self.takes_messages)?;
        self.inner.publish(to, messages).await
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.inner.consume(from, prefetch).await
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        self.inner.depth(queue).await
    }
}

/// The same queue, to be led.
pub(super) struct UnsteadyLeadership(pub(super) Arc<UnsteadyQueue>);

struct UnsteadyTerm(Arc<UnsteadyQueue>, Box<dyn Term>);

#[async_trait]
impl Leadership for UnsteadyLeadership {
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError> {
        self.0.ask(&self.0.lets_lead)?;
        Ok(Box::new(UnsteadyTerm(Arc::clone(&self.0), self.0.inner.lead().await?)))
    }
}

#[async_trait]
impl Term for UnsteadyTerm {
    fn note(&self) -> Option<&[u8]> {
        self.1.note()
    }

    /// Not counted: it is the end of the call that let lead.
    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError> {
        if !self.0.takes_notes.load(Ordering::Relaxed) || self.0.flickers.load(Ordering::Relaxed) {
            return Err(QueueError::unavailable("it is full"));
        }
        self.1.write(note).await
    }

    async fn over(&mut self) {
        if !self.0.flickers.load(Ordering::Relaxed) {
            self.1.over().await;
        }
    }
}

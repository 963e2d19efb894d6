//! The queue and its archive in memory: all the behaviour, no durability.

mod leader;
mod options;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Message;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

pub(crate) use self::options::Options;
use self::state::{Claim, Lease, State};
use ports::{
    Archive, ArchiveRange, Archived, Clock, Consumer, Delivery, Depth, Queue, QueueError, QueueName, Receipt,
    Settlement,
};

/// A queue in memory, as one process sees it. Clones are the same process.
///
/// A process renews its leases for as long as its clock moves along with the others'; one whose clock
/// stands still is frozen, and others are given what it holds. [`another_process`](Self::another_process)
/// is how a test gets a process with a clock of its own.
#[derive(Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
    options: Options,
    clock: Arc<dyn Clock>,
}

struct Shared {
    state: Mutex<State>,
    /// Something may be deliverable, or the queue went away.
    changed: Notify,
}

impl MemoryQueue {
    /// An empty queue with the default options (leases of 10 s, 8 deliveries).
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(Options::default(), clock)
    }

    /// An empty queue.
    pub(crate) fn with_options(options: Options, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared { state: Mutex::new(State::default()), changed: Notify::new() };
        Self { shared: Arc::new(shared), options, clock }
    }

    /// The same queue as another process with its own clock sees it.
    #[must_use]
    pub fn another_process(&self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self.clone() }
    }

    /// With `false` the queue goes away: every call fails until it is back. Nothing in it is lost.
    pub fn set_available(&self, available: bool) {
        self.lock().is_away = !available;
        self.shared.changed.notify_waiters();
    }

    /// From now on, to publish a message with a body of more bytes is refused.
    pub fn set_largest(&self, bytes: usize) {
        self.lock().largest = Some(bytes);
    }

    /// Everything on `queue`, handed out or not, in the order of publishing.
    pub fn messages(&self, queue: QueueName) -> Vec<Message> {
        self.lock().messages(queue)
    }

    /// The state, whatever the clock says; a panic elsewhere leaves it whole, each change is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, QueueError> {
        let state = self.lock();
        if state.is_away { Err(QueueError::unavailable("it was told to be away")) } else { Ok(state) }
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue").field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        let mut state = self.available()?;
        if let Some(message) = messages.iter().find(|message| state.is_too_large(message)) {
            return Err(QueueError::Refused { reason: format!("{} is too large", message.id) });
        }
        state.publish(to, messages, self.clock.now(), &self.options);
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    async fn consume(&self, from: QueueName, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        drop(self.available()?);
        let permits = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        Ok(Box::new(MemoryConsumer { queue: self.clone(), from, permits }))
    }

    async fn depth(&self, queue: QueueName) -> Result<Depth, QueueError> {
        Ok(self.available()?.depth(queue, self.clock.now(), self.options.lease))
    }
}

#[async_trait]
impl Archive for MemoryQueue {
    async fn range(&self, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, QueueError> {
        Ok(self.available()?.range(since))
    }

    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Archived>, QueueError> {
        Ok(self.available()?.read_archive(after, limit))
    }
}

struct MemoryConsumer {
    queue: MemoryQueue,
    from: QueueName,
    permits: Arc<Semaphore>,
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Delivery, QueueError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(QueueError::unavailable)?;
        let MemoryQueue { shared, options, clock } = &self.queue;
        loop {
            // Before looking, so that what happens while we look is not missed.
            let mut changed = std::pin::pin!(shared.changed.notified());
            changed.as_mut().enable();
            let now = clock.now();
            let claim = {
                let mut state = self.queue.available()?;
                let buried = state.buried;
                let claim = state.claim(self.from, clock, now, options);
                if state.buried > buried {
                    shared.changed.notify_waiters();
                }
                claim
            };
            let wait = match claim {
                Claim::Taken { lease, message, deliveries } => {
                    let queue = self.queue.clone();
                    let receipt = MemoryReceipt { queue, lease: Some(lease), _permit: permit };
                    return Ok(Delivery::new(message, deliveries, Box::new(receipt)));
                }
                Claim::NotBefore(due) => Some((due - now).to_std().unwrap_or_default()),
                Claim::Nothing => None,
            };
            match wait {
                Some(wait) => tokio::select! { () = changed => (), () = clock.sleep(wait) => () },
                None => changed.await,
            }
        }
    }
}

struct MemoryReceipt {
    queue: MemoryQueue,
    /// `None` once it is settled or lost.
    lease: Option<Lease>,
    _permit: OwnedSemaphorePermit,
}

#[async_trait]
impl Receipt for MemoryReceipt {
    async fn settle(mut self: Box<Self>, message: Message, settlement: Settlement) -> Result<(), QueueError> {
        let now = self.queue.clock.now();
        let mut state = self.queue.available()?;
        let settled = self.lease.as_ref().is_some_and(|lease| state.settle(lease, message, settlement, now));
        drop(state);
        self.lease = None;
        self.queue.shared.changed.notify_waiters();
        if settled { Ok(()) } else { Err(QueueError::Lost) }
    }
}

impl Drop for MemoryReceipt {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.queue.lock().give_back(&lease);
            self.queue.shared.changed.notify_waiters();
        }
    }
}

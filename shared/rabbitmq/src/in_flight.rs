//! How many messages of each queue are in flight to this process: sent by the broker and not settled yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ports::QueueName;

type Counters = [AtomicU64; QueueName::ALL.len()];

/// The counters of a process.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    buffered: Counters,
    unsettled: Counters,
}

impl InFlight {
    /// Messages that arrived and were not handed to a caller yet.
    pub(crate) fn buffered(&self, queue: QueueName) -> u64 {
        self.buffered[queue as usize].load(Ordering::SeqCst)
    }

    /// Messages that a caller has.
    pub(crate) fn unsettled(&self, queue: QueueName) -> u64 {
        self.unsettled[queue as usize].load(Ordering::SeqCst)
    }

    /// Counts a message of `queue` that arrived, until what this returns is dropped.
    pub(crate) fn arrived(self: &Arc<Self>, queue: QueueName) -> Counted {
        self.buffered[queue as usize].fetch_add(1, Ordering::SeqCst);
        Counted { counters: Arc::clone(self), queue, is_delivered: false }
    }
}

/// Counts one message while it exists.
pub(crate) struct Counted {
    counters: Arc<InFlight>,
    queue: QueueName,
    is_delivered: bool,
}

impl Counted {
    /// The message is handed to a caller.
    pub(crate) fn delivered(&mut self) {
        self.is_delivered = true;
        self.counters.unsettled[self.queue as usize].fetch_add(1, Ordering::SeqCst);
        self.counters.buffered[self.queue as usize].fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counters = if self.is_delivered { &self.counters.unsettled } else { &self.counters.buffered };
        counters[self.queue as usize].fetch_sub(1, Ordering::SeqCst);
    }
}

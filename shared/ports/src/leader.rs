//! The leadership port: one of any number of schedulers acts, and the next one knows what it did.

use async_trait::async_trait;

use crate::QueueError;

/// Elects one of several processes as the leader.
///
/// # Guarantees
/// - A leader that ended, died or froze is followed by another process that waits, within a bounded time
///   (the lease, or the heartbeat).
/// - Once a term has begun, no [`write`](Term::write) of an earlier one succeeds: a leader that was frozen
///   cannot write over what its successor knows.
/// - What was written last is what the next leader finds, after any crash.
///
/// # Not guaranteed
/// That there is never more than one: a leader that was frozen believes itself the leader until it
/// asks. So a leader writes down what must not be done twice *before* doing it.
#[async_trait]
pub trait Leadership: Send + Sync + 'static {
    /// Waits until this process leads. Cancel-safe: a process that stops waiting leaves the queue.
    async fn lead(&self) -> Result<Box<dyn Term>, QueueError>;
}

/// The time for which a process leads. Dropping it ends it, and another may lead.
#[async_trait]
pub trait Term: Send + Sync {
    /// What was written last, in this term or before it; `None` when nothing ever was.
    fn note(&self) -> Option<&[u8]>;

    /// Replaces the note, which should be small (some KiB). `Ok`: it is durable, and this process led when
    /// it was written. After an error the term is over, and the note may or may not have been replaced.
    async fn write(&mut self, note: Vec<u8>) -> Result<(), QueueError>;

    /// Returns when the term is over: another process may lead. Cancel-safe.
    async fn over(&mut self);
}

//! How a session with the queue can end, and what one delivery means for it.

use ports::QueueError;

use crate::failpoint::Crash;

/// How a session with the queue ended.
pub(super) enum Ended {
    Stopped,
    QueueAway(String),
    Outage(String),
    Fatal(String),
    Crashed(Crash),
}

/// What one delivery means for the session.
pub(super) enum After {
    /// A message was handled: whatever is needed is there.
    Worked,
    GoOn,
    End(Ended),
}

impl Ended {
    /// What `error` of the queue means.
    pub(super) fn by(error: &QueueError) -> Self {
        if error.is_transient() { Self::QueueAway(error.to_string()) } else { Self::Fatal(error.to_string()) }
    }
}

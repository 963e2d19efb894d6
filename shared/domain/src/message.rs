//! A message: an id, headers, and bytes. What every queue carries, whatever the broker.

mod id;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use self::id::MessageId;
use crate::headers::{Headers, header};
use crate::origin::Origin;
use crate::timestamp;

/// A message on a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Deterministic id.
    pub id: MessageId,
    /// Headers.
    pub headers: Headers,
    /// Body; what it holds depends on the queue. Clones of a message share it: a body may have 100 MiB.
    pub body: Bytes,
}

impl Message {
    /// How often this message was tried, counting this time; 1 when the header is absent or senseless.
    pub fn attempt(&self) -> u32 {
        self.headers.parse(header::ATTEMPT, "a number").unwrap_or(1).max(1)
    }

    /// Whether its headers say that it was [just fetched](Origin::is_fetched).
    pub fn is_fetched(&self) -> bool {
        let origin = self.headers.get(header::ORIGIN).and_then(|text| text.parse().ok());
        origin.is_some_and(Origin::is_fetched)
    }

    /// About how many bytes it takes where it is kept: what counts for the size of the archive.
    pub fn size(&self) -> u64 {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        let bytes = self.id.as_str().len() + headers.sum::<usize>() + self.body.len();
        bytes as u64
    }

    /// The message as it is delivered again for its `attempt`. When that attempt is a new one, the time of the first
    /// failure is noted, once; a message that goes back unchanged did not fail.
    #[must_use]
    pub fn retried(mut self, attempt: u32, now: DateTime<Utc>) -> Self {
        if attempt > self.attempt() && self.headers.get(header::FIRST_FAILED_AT).is_none() {
            self.headers.set(header::FIRST_FAILED_AT, timestamp::to_text(now));
        }
        self.headers.set(header::ATTEMPT, attempt);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_failure_is_noted_once_and_only_when_the_message_failed() {
        let now = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let message = Message { id: MessageId::new("m"), headers: Headers::new(), body: Bytes::new() };
        let unharmed = message.retried(1, now);
        assert_eq!(unharmed.headers.get(header::FIRST_FAILED_AT), None);
        let second = unharmed.retried(2, now);
        let third = second.retried(3, timestamp::later(now, Duration::from_mins(1)));
        assert_eq!(third.headers.get(header::FIRST_FAILED_AT), Some("2026-11-22T14:00:00.000Z"));
        assert_eq!(third.attempt(), 3);
    }
}

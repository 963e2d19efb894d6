//! The names of the queues, and what follows from them.

use std::fmt;
use std::str::FromStr;

use crate::message::Message;
use crate::name::UnknownName;
use crate::stage::StageName;

/// The queues of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Raw pages, from the fetcher to the transformers.
    Raw,
    /// Chunks of rows, from the transformers to the loaders.
    Rows,
    /// Dead letters, from everyone to the alerter.
    Dead,
}

impl QueueName {
    /// All queues, in the order of the pipeline.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Rows, Self::Dead];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Rows => "rows",
            Self::Dead => "dead",
        }
    }

    /// The stage that consumes it.
    pub const fn consumer(self) -> StageName {
        match self {
            Self::Raw => StageName::Transformer,
            Self::Rows => StageName::Loader,
            Self::Dead => StageName::Alerter,
        }
    }

    /// Whether `message`, published on this queue, also enters the archive.
    pub fn archives(self, message: &Message) -> bool {
        self == Self::Raw && message.is_fetched()
    }

    /// Whether a message of this queue has reached the delivery `limit`: it was delivered `deliveries` times, the last time
    /// to a holder that died. Letters have no limit, because there is no other queue to move them to.
    pub const fn is_past_limit(self, deliveries: u32, limit: u32) -> bool {
        !matches!(self, Self::Dead) && deliveries >= limit
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for QueueName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|queue| queue.as_str() == text);
        found.ok_or_else(|| UnknownName::new("queue", text))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::headers::{Headers, header};
    use crate::message::MessageId;

    #[test]
    fn only_live_pages_on_raw_are_archived() {
        let check = |to: QueueName, origin: Option<&str>, archived| {
            let mut headers = Headers::new();
            if let Some(origin) = origin {
                headers.set(header::ORIGIN, origin);
            }
            let message = Message { id: MessageId::new("m"), headers, body: Bytes::new() };
            assert_eq!(to.archives(&message), archived, "{to} {origin:?}");
        };
        check(QueueName::Raw, Some("live"), true);
        check(QueueName::Raw, Some("replay"), false);
        check(QueueName::Raw, Some("rebuild"), false);
        check(QueueName::Raw, None, false);
        check(QueueName::Rows, Some("live"), false);
        check(QueueName::Dead, Some("live"), false);
    }
}

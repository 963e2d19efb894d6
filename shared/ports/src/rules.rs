//! Rules that every queue applies in the same way, so that the adapters cannot drift apart.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Class, DeadLetter, Message, Origin, StageName, header, timestamp};

use crate::QueueName;

/// How a queue without a broker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long a holder may be silent before its messages are given to another.
    pub lease: Duration,
    /// How often a message may be handed out to holders that die before it goes to the dead letters.
    pub delivery_limit: u32,
    /// Age at which a page leaves the archive.
    pub archive_keep: Duration,
    /// Size of the archive in bytes at which its oldest pages leave.
    pub archive_max_bytes: u64,
}

impl Default for QueueOptions {
    /// 10 seconds, 8 deliveries, 7 days, 1 GiB.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            delivery_limit: 8,
            archive_keep: Duration::from_hours(7 * 24),
            archive_max_bytes: 1 << 30,
        }
    }
}

/// The stage that consumes `queue`.
pub const fn consumer_of(queue: QueueName) -> StageName {
    match queue {
        QueueName::Raw => StageName::Transformer,
        QueueName::Rows => StageName::Loader,
        QueueName::Dead => StageName::Alerter,
    }
}

/// Whether publishing `message` on `to` also archives it.
pub fn enters_archive(to: QueueName, message: &Message) -> bool {
    let origin = message.headers.get(header::ORIGIN).and_then(|text| text.parse().ok());
    to == QueueName::Raw && origin == Some(Origin::Live)
}

/// What `message` counts for in the size of the archive, in bytes.
pub fn size(message: &Message) -> u64 {
    let headers = message.headers.iter().map(|(name, value)| name.len() + value.len());
    let bytes = message.id.as_str().len() + headers.sum::<usize>() + message.body.len();
    bytes as u64
}

/// `message` as it is delivered again for its `attempt`. When that attempt is a new one, the time of the
/// first failure is noted, once; going back unchanged is nobody's failure.
#[must_use]
pub fn retried(mut message: Message, attempt: u32, now: DateTime<Utc>) -> Message {
    if attempt > message.attempt() && message.headers.get(header::FIRST_FAILED_AT).is_none() {
        message.headers.set(header::FIRST_FAILED_AT, timestamp::to_text(now));
    }
    message.headers.set(header::ATTEMPT, attempt);
    message
}

/// Whether a message of `queue` whose last holder died after `deliveries` must not be handed out again.
/// Letters have no limit: there is nowhere left to put them.
pub fn is_deadly(queue: QueueName, deliveries: u32, limit: u32) -> bool {
    queue != QueueName::Dead && deliveries >= limit
}

/// The letter for a message of `queue` that [is deadly](is_deadly).
pub fn deadly(queue: QueueName, message: &Message, deliveries: u32, now: DateTime<Utc>) -> DeadLetter {
    let stage = consumer_of(queue);
    let reason =
        format!("the {stage} died, or froze, each of the {deliveries} times it was given this message");
    DeadLetter::for_message(message, stage, Class::DeliveryLimit, "delivery_limit", reason, now)
}

/// `duration` after `now`; the end of time when there is no such instant.
pub fn later(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use domain::{Headers, MessageId};

    use super::*;

    fn now() -> DateTime<Utc> {
        timestamp::from_text("2026-11-22T14:00:00Z").unwrap()
    }

    fn message() -> Message {
        Message { id: MessageId::new("m"), headers: Headers::new(), body: domain::Bytes::new() }
    }

    #[test]
    fn the_first_failure_is_noted_once_and_only_when_the_message_failed() {
        let unharmed = retried(message(), 1, now());
        assert_eq!(unharmed.headers.get(header::FIRST_FAILED_AT), None);
        let second = retried(unharmed, 2, now());
        let third = retried(second, 3, later(now(), Duration::from_mins(1)));
        assert_eq!(third.headers.get(header::FIRST_FAILED_AT), Some("2026-11-22T14:00:00.000Z"));
        assert_eq!(third.attempt(), 3);
    }

    #[test]
    fn only_live_pages_on_raw_are_archived() {
        let check = |to, origin: Option<&str>, archived| {
            let mut message = message();
            if let Some(origin) = origin {
                message.headers.set(header::ORIGIN, origin);
            }
            assert_eq!(enters_archive(to, &message), archived, "{to} {origin:?}");
        };
        check(QueueName::Raw, Some("live"), true);
        check(QueueName::Raw, Some("replay"), false);
        check(QueueName::Raw, Some("rebuild"), false);
        check(QueueName::Raw, None, false);
        check(QueueName::Rows, Some("live"), false);
        check(QueueName::Dead, Some("live"), false);
    }

    #[test]
    fn no_duration_is_too_long() {
        assert_eq!(later(now(), Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }
}

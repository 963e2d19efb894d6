//! Messages as AMQP carries them: the id and the headers in the properties, the body as it is.

use chrono::{DateTime, Utc};
use domain::Message;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use ports::QueueError;

use crate::incoming::is_of_the_broker;
use crate::topology::short;

/// The most that headers may have together: they must fit one frame, of which brokers take 128 KiB.
pub(crate) const MOST_HEADER_BYTES: usize = 96 * 1024;
const PERSISTENT: u8 = 2;

/// The properties of `message`, published at `now`. Headers that mean something to the broker are left out:
/// they would steer it.
pub(crate) fn properties(message: &Message, now: DateTime<Utc>) -> Result<BasicProperties, QueueError> {
    let mut headers = FieldTable::default();
    let mut size = 0;
    for (name, value) in message.headers.iter().filter(|(name, _)| !is_of_the_broker(name)) {
        size += name.len() + value.len();
        headers.insert(short(name)?, AMQPValue::LongString(value.into()));
    }
    if size > MOST_HEADER_BYTES {
        let reason =
            format!("the headers of {} have {size} bytes; AMQP can carry {MOST_HEADER_BYTES}", message.id);
        return Err(QueueError::Misconfigured { reason });
    }
    Ok(BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(message.id.as_str())?)
        .with_app_id("coinpipe".into())
        .with_timestamp(u64::try_from(now.timestamp()).unwrap_or_default())
        .with_headers(headers))
}

#[cfg(test)]
mod tests {
    use domain::{Headers, MessageId, header};
    use ports::{Clock, ManualClock};

    use super::*;

    fn check(headers: Headers) -> Result<Vec<String>, QueueError> {
        let message = Message { id: MessageId::new("m"), headers, body: domain::Bytes::new() };
        let properties = properties(&message, ManualClock::default().now())?;
        let headers = properties.headers().as_ref().unwrap();
        Ok(headers.inner().keys().map(ToString::to_string).collect())
    }

    #[test]
    fn the_brokers_own_headers_are_never_sent() {
        let headers = ["x-death", "x-first-death-queue", "x-delivery-count", "CC", "BCC", header::BATCH];
        let headers = headers.into_iter().fold(Headers::new(), |headers, name| headers.with(name, 1));
        assert_eq!(check(headers).unwrap(), [header::BATCH]);
    }

    #[test]
    fn what_amqp_cannot_carry_is_an_error_not_a_panic() {
        let long = check(Headers::new().with("n".repeat(256), 1)).unwrap_err();
        assert!(long.to_string().contains("256 bytes"), "{long}");
        let large = check(Headers::new().with("large", "x".repeat(100_000))).unwrap_err();
        assert!(large.to_string().contains("bytes"), "{large}");
    }
}

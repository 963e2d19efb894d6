//! Messages as they are published: the id and the headers in the properties, the body as it is.

use chrono::{DateTime, Utc};
use domain::Message;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use ports::QueueError;

use super::headers::{AROUND_HEADER, MOST_BYTES, is_of_the_broker};

/// What a frame with headers has beside them, at most.
const AROUND_HEADERS: usize = 512;
const PERSISTENT: u8 = 2;

/// The properties of `message`, published at `now` in frames of `frame_max` bytes. Headers that mean something to the
/// broker are left out: it would act on them. [`QueueError::Refused`] when AMQP cannot carry them.
pub(crate) fn properties(
    message: &Message,
    now: DateTime<Utc>,
    frame_max: usize,
) -> Result<BasicProperties, QueueError> {
    let mut headers = FieldTable::default();
    let mut size = 0;
    for (name, value) in message.headers.iter().filter(|(name, _)| !is_of_the_broker(name)) {
        size += name.len() + value.len() + AROUND_HEADER;
        headers.insert(short(name, message)?, AMQPValue::LongString(value.into()));
    }
    let most = MOST_BYTES.min(frame_max.saturating_sub(AROUND_HEADERS));
    if size > most {
        let reason = format!("the headers of {} have {size} bytes; at most {most} fit a frame", message.id);
        return Err(QueueError::Refused { reason });
    }
    Ok(BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(message.id.as_str(), message)?)
        .with_app_id("coinpipe".into())
        .with_timestamp(u64::try_from(now.timestamp()).unwrap_or_default())
        .with_headers(headers))
}

fn short(text: &str, message: &Message) -> Result<ShortString, QueueError> {
    ShortString::try_new(text).map_err(|_| {
        let reason = format!("{} has a name of {} bytes; AMQP carries 255", message.id, text.len());
        QueueError::Refused { reason }
    })
}

#[cfg(test)]
mod tests {
    use domain::{Headers, MessageId, header};
    use ports::Clock;
    use testkit::clock::ManualClock;

    use super::*;

    fn check(headers: Headers) -> Result<Vec<String>, QueueError> {
        in_frames(128 * 1024, headers)
    }

    fn in_frames(frame_max: usize, headers: Headers) -> Result<Vec<String>, QueueError> {
        let message = Message { id: MessageId::new("m"), headers, body: domain::Bytes::new() };
        let properties = properties(&message, ManualClock::default().now(), frame_max)?;
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
        let large = Headers::new().with("large", "x".repeat(9000));
        let error = in_frames(8192, large.clone()).unwrap_err();
        assert!(error.to_string().contains("bytes") && check(large).is_ok(), "{error}");
        // Many small ones are large, too.
        let many = (0..12_000).fold(Headers::new(), |headers, n| headers.with(format!("{n:05}"), ""));
        for error in [long, error, check(many).unwrap_err()] {
            assert!(matches!(error, QueueError::Refused { .. }), "{error}");
        }
    }
}

//! A page that can never be archived becomes a dead letter: it holds up no other page, and is not lost.

use domain::{Class, DeadLetter, Headers, Message, PageMeta, StageName, header};
use ports::{QueueError, QueueName};
use tracing::warn;

use crate::client::Client;
use crate::message::cut;
use crate::publish::RoutedMessage;

const CODE: &str = "cannot_be_archived";
/// With the smallest frames a letter has 7,680 bytes for its headers: the reason, the note about what is missing, the
/// headers that are kept, and a letter's own.
const REASON_BYTES: usize = 1024;
const NOTE_BYTES: usize = 1024;
const KEPT_BYTES: usize = 4096;
/// The longest name that AMQP carries.
const NAME_BYTES: usize = 255;

/// Whether `message`, which anybody may have published, is a live page; the error says why not.
pub(super) fn check(message: &Message) -> Result<(), String> {
    if message.headers.get(header::UNREADABLE).is_some() {
        return Err("its headers cannot be read".to_owned());
    }
    if !QueueName::Raw.archives(message) {
        return Err("it is no live page".to_owned());
    }
    PageMeta::from_headers(&message.headers).map(drop).map_err(|error| error.to_string())
}

/// Publishes a dead letter about `message`: whole; if the broker refuses that, with fewer headers; if it refuses that too,
/// without the body.
pub(super) async fn file(client: &Client, message: &Message, why: &str) -> Result<(), QueueError> {
    warn!(id = %message.id, why, "a page cannot be archived; see the dead letters");
    let reason = format!("the archive cannot have it: {}", cut(why.to_owned(), REASON_BYTES));
    let file = async |message: &Message| {
        let (stage, now) = (StageName::Fetcher, client.clock.now());
        let letter = DeadLetter::for_message(message, stage, Class::Poison, CODE, &*reason, now);
        let letter = letter.into_message();
        let exchange = client.names.of(QueueName::Dead);
        let routed = RoutedMessage { exchange: &exchange, key: "dead", message: &letter };
        client.publisher.publish(&[routed]).await
    };
    let mut filed = file(message).await;
    if let Err(QueueError::Refused { .. }) = filed {
        let mut less = Message { headers: kept(&message.headers, ""), ..message.clone() };
        filed = file(&less).await;
        if let Err(QueueError::Refused { .. }) = filed {
            less.headers = kept(&message.headers, &left_out("the body", message.body.len()));
            less.body = domain::Bytes::new();
            filed = file(&less).await;
        }
    }
    filed
}

/// Those of `headers` that fit any frame, and a note about the others behind this one.
fn kept(headers: &Headers, note: &str) -> Headers {
    let (mut kept, mut note, mut room) = (Headers::new(), note.to_owned(), KEPT_BYTES);
    for (name, value) in headers.iter() {
        // Each takes some more bytes, see `AROUND_HEADER`.
        let size = name.len() + value.len() + 8;
        if name == header::UNREADABLE {
            note.push_str(value);
        } else if name.len() <= NAME_BYTES && size <= room {
            kept.set(name, value);
            room -= size;
        } else {
            note.push_str(&left_out(&cut(name.to_owned(), NAME_BYTES), value.len()));
        }
    }
    if !note.is_empty() {
        kept.set(header::UNREADABLE, cut(note, NOTE_BYTES));
    }
    kept
}

fn left_out(what: &str, bytes: usize) -> String {
    format!("{what} (left out of this letter, {bytes} bytes)\n")
}

#[cfg(test)]
mod tests {
    use domain::MessageId;
    use ports::Clock;
    use testkit::clock::ManualClock;

    use super::*;
    use crate::message::properties;

    /// The letter with fewer headers fits the smallest frames, whatever the headers and the reason are.
    #[test]
    fn what_is_kept_fits_any_frame() {
        let many = (0..2000).fold(Headers::new(), |headers, n| headers.with(format!("n{n}"), "v"));
        let long = Headers::new().with("n".repeat(300), "v").with("a", "x".repeat(100_000)).with("z", 1);
        for headers in [Headers::new().with(header::UNREADABLE, "\u{fc}".repeat(9000)), many, long] {
            let headers = kept(&headers, &left_out("the body", usize::MAX));
            let id = MessageId::new("i".repeat(MessageId::MAX_BYTES));
            let message = Message { id, headers, body: domain::Bytes::new() };
            let (stage, now) = (StageName::Fetcher, ManualClock::default().now());
            let reason = "r".repeat(REASON_BYTES + 100);
            let letter = DeadLetter::for_message(&message, stage, Class::Poison, CODE, reason, now);
            properties(&letter.into_message(), now, 8192).unwrap();
        }
        let kept = kept(&Headers::new().with("a", "x".repeat(100_000)).with("z", 1), "");
        assert_eq!(kept.get("z"), Some("1"));
        assert_eq!(kept.get(header::UNREADABLE), Some("a (left out of this letter, 100000 bytes)\n"));
    }
}

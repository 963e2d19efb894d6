//! Where the message of a letter came from, and what is sent there again.

use domain::wire::{self, RowsMessage};
use domain::{
    BatchId, Class, DeadLetter, Message, MessageId, Origin, QueueName, ReplayId, StageName, header,
};

/// What every message on the rows queue begins with.
const ROWS_MAGIC: &[u8] = b"CMCR";

/// How a letter is sent again.
pub(crate) enum Way {
    /// Its message, to this queue.
    Queue(QueueName),
    /// The page that it is about, which the archive has.
    Archive {
        /// Its batch.
        batch: BatchId,
        /// Its number.
        page: u32,
    },
    /// Not at all, for this reason.
    Nowhere(&'static str),
}

/// How `letter` is sent again.
pub(crate) fn way(letter: &DeadLetter) -> Way {
    if letter.class == Class::Incident || matches!(letter.stage, Some(StageName::Fetcher)) {
        return Way::Nowhere("an incident carries no message; `coinpipe dead resolve` closes it");
    }
    let is_whole = letter.body.len() < crate::BODY_BYTES;
    match queue_of(letter) {
        // Its body is a list of what was rejected, not the page.
        Some(QueueName::Raw) if letter.class == Class::RejectedRows || !is_whole => of_archive(letter),
        Some(queue) if is_whole => Way::Queue(queue),
        Some(_) => Way::Nowhere("only the beginning of its body was kept"),
        None => Way::Nowhere("nothing in it says which queue it came from"),
    }
}

/// Why `letter` cannot be sent again; `None` when it can.
pub fn unsendable(letter: &DeadLetter) -> Option<&'static str> {
    match way(letter) {
        Way::Nowhere(why) => Some(why),
        Way::Queue(_) | Way::Archive { .. } => None,
    }
}

/// The queue that the message came from.
pub(crate) fn queue_of(letter: &DeadLetter) -> Option<QueueName> {
    match letter.stage {
        Some(StageName::Transformer) => Some(QueueName::Raw),
        Some(StageName::Loader) => Some(QueueName::Rows),
        _ if letter.body.starts_with(ROWS_MAGIC) => Some(QueueName::Rows),
        _ if letter.headers.get(header::PAGE).is_some() => Some(QueueName::Raw),
        _ => None,
    }
}

fn of_archive(letter: &DeadLetter) -> Way {
    let page = letter.headers.parse(header::PAGE, "a number").ok();
    match (letter.headers.get(header::BATCH), page) {
        (Some(batch), Some(page)) => Way::Archive { batch: BatchId::from_stored(batch), page },
        _ => Way::Nowhere("nothing in it says which page it is of"),
    }
}

/// The id of the message that died.
fn message_id(letter: &DeadLetter) -> MessageId {
    let id = letter.id.as_str();
    let prefix = letter.stage.map(|stage| format!("dead/{stage}/"));
    MessageId::new(prefix.and_then(|prefix| id.strip_prefix(&prefix)).unwrap_or(id))
}

/// The message of `letter`, which is sent to `queue` in `replay`. What somebody edited takes the place of what was made of the same fetch
/// before.
pub(crate) fn message(letter: &DeadLetter, queue: QueueName, is_edited: bool, replay: &ReplayId) -> Message {
    let mut message =
        Message { id: message_id(letter), headers: letter.headers.clone(), body: letter.body.clone() };
    let added: Vec<_> = message.headers.iter().map(|(name, _)| name.to_owned()).collect();
    for name in added.iter().filter(|name| name.starts_with(header::DEAD_PREFIX)) {
        message.headers.remove(name);
    }
    message.headers.remove(header::ATTEMPT);
    message.headers.remove(header::FIRST_FAILED_AT);
    telemetry::trace::forget(&mut message.headers);
    message.headers.set(header::REPLAY_ID, replay);
    let origin = message.headers.get(header::ORIGIN).and_then(|origin| origin.parse().ok());
    let is_rebuild = is_edited || origin == Some(Origin::Rebuild);
    let origin = if is_rebuild { Origin::Rebuild } else { Origin::Replay };
    if queue == QueueName::Raw {
        message.headers.set(header::ORIGIN, origin);
    } else if let Some(body) = as_replay(&message, origin) {
        // By this the ledger counts what the replay loaded.
        message.headers.set(header::ORIGIN, origin);
        message.body = body.into();
    }
    message
}

/// The body of a chunk, that says where it is from now; `None` when it is something else, or cannot be read.
fn as_replay(message: &Message, origin: Origin) -> Option<Vec<u8>> {
    match wire::decode(&message.body).ok()? {
        RowsMessage::Chunk(mut chunk) => {
            chunk.page.origin = origin;
            Some(wire::encode_chunk(&chunk))
        }
        RowsMessage::Market(mut chunk) => {
            chunk.head.page.origin = origin;
            Some(wire::encode_market(&chunk))
        }
        RowsMessage::Fetched(_) | RowsMessage::Schedule(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Headers, Message};
    use testkit::contract::store::sample::{at, chunk, fetched};

    use super::*;

    fn letter(stage: StageName, class: Class, id: &str, body: &[u8]) -> DeadLetter {
        let headers = Headers::new()
            .with(header::BATCH, "b")
            .with(header::PAGE, 1)
            .with(header::ORIGIN, Origin::Live)
            .with(header::ATTEMPT, 8)
            .with(header::DEAD_COINS, "1")
            .with("mine", "kept");
        let message = Message { id: MessageId::new(id), headers, body: body.to_vec().into() };
        DeadLetter::for_message(&message, stage, class, "c", "r", at(0))
    }

    fn sent(letter: &DeadLetter, is_edited: bool) -> (QueueName, Message) {
        match way(letter) {
            Way::Queue(queue) => {
                (queue, message(letter, queue, is_edited, &ReplayId::new("replay/1").unwrap()))
            }
            Way::Archive { batch, page } => panic!("page {page} of {batch}"),
            Way::Nowhere(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_page_goes_back_as_it_came_and_says_that_it_is_replayed() {
        let died = letter(StageName::Transformer, Class::Poison, "b/p1", b"not zstd");
        let (queue, message) = sent(&died, false);
        assert_eq!(
            (queue, message.id.as_str(), &message.body[..]),
            (QueueName::Raw, "b/p1", &b"not zstd"[..])
        );
        let headers: Vec<_> = message.headers.iter().collect();
        let expected = [
            ("mine", "kept"),
            ("x-batch", "b"),
            ("x-life", "replay/1"),
            ("x-origin", "replay"),
            ("x-page", "1"),
        ];
        assert_eq!(headers, expected);
        // The letter about its next death is the same one.
        assert_eq!(DeadLetter::id_for(StageName::Transformer, &message.id), died.id);
        assert_eq!(sent(&died, true).1.headers.get(header::ORIGIN), Some("rebuild"));
        // Also where the id was too long for a broker.
        let long = letter(StageName::Transformer, Class::Poison, &"x".repeat(300), b"{}");
        assert_eq!(DeadLetter::id_for(StageName::Transformer, &sent(&long, false).1.id), long.id);
    }

    #[test]
    fn a_chunk_says_in_its_body_that_it_is_replayed_and_other_messages_stay_as_they_are() {
        let body = wire::encode_chunk(&chunk(&[1, 2]));
        let (queue, message) = sent(&letter(StageName::Loader, Class::RejectedRows, "b/p1/c1", &body), false);
        let RowsMessage::Chunk(replayed) = wire::decode(&message.body).unwrap() else { panic!("no chunk") };
        assert_eq!((queue, replayed.page.origin), (QueueName::Rows, Origin::Replay));
        assert_eq!(replayed.rows, chunk(&[1, 2]).rows);
        for body in [wire::encode_fetched(&fetched(1)), b"CMCR broken".to_vec()] {
            let (queue, message) = sent(&letter(StageName::Loader, Class::Poison, "b/x", &body), false);
            assert_eq!((queue, &message.body[..]), (QueueName::Rows, &body[..]));
        }
    }

    #[test]
    fn what_has_no_message_is_not_sent_and_rejected_coins_come_from_the_archive() {
        let rejected = letter(StageName::Transformer, Class::RejectedRows, "b/p1/c1", b"[]");
        assert!(matches!(way(&rejected), Way::Archive { batch, page: 1 } if batch.as_str() == "b"));
        assert_eq!(unsendable(&rejected), None);
        let incident = DeadLetter::incident(StageName::Fetcher, "api_500", "o", "r", at(0));
        assert!(unsendable(&incident).unwrap().contains("no message"));
        let cut = letter(StageName::Loader, Class::Poison, "b/p1/c1", &vec![0; crate::BODY_BYTES]);
        assert!(unsendable(&cut).unwrap().contains("beginning"));
        let mut stray = letter(StageName::Loader, Class::Unknown, "?", b"CMCR");
        stray.stage = None;
        assert_eq!(queue_of(&stray), Some(QueueName::Rows));
        stray.body = domain::Bytes::new();
        assert_eq!(queue_of(&stray), Some(QueueName::Raw));
        stray.headers = Headers::new();
        assert!(unsendable(&stray).unwrap().contains("which queue"));
    }
}

//! Dead letters: what could not be done, kept with its reason.

mod class;

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use self::class::Class;
use crate::headers::{Headers, header};
use crate::message::{Message, MessageId};
use crate::stage::StageName;
use crate::timestamp;

/// A dead letter: the original message with the reason it could not be handled, or an incident
/// without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its own id; the same whenever the same message dies in the same stage. Deaths of one letter differ in
    /// [`replay`](Self::replay), class or code.
    pub id: MessageId,
    /// Coarse cause.
    pub class: Class,
    /// Fine cause, a stable word for machines: `bad_json`, `price_negative`, `api_1001`.
    pub code: String,
    /// What happened, for people: one sentence without secrets.
    pub reason: String,
    /// Where it happened; `None` when the letter does not say.
    pub stage: Option<StageName>,
    /// How often the message had been tried.
    pub attempt: u32,
    /// When the trouble was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// The original headers.
    pub headers: Headers,
    /// The original body; empty for an incident.
    pub body: Bytes,
}

/// No more coins are named in the headers of a letter, which have to fit one frame.
const MOST_COINS: usize = 1000;

const CLASS: &str = "x-dead-class";
const CODE: &str = "x-dead-code";
const REASON: &str = "x-dead-reason";
const STAGE: &str = "x-dead-stage";
const ATTEMPT: &str = "x-dead-attempt";
const FIRST_SEEN_AT: &str = "x-dead-first-seen-at";

impl DeadLetter {
    /// The longest reason in bytes; AMQP headers must fit one frame.
    pub const MAX_REASON_BYTES: usize = 4096;

    /// The letter for `message`, which died in `stage` at `now`.
    pub fn for_message(
        message: &Message,
        stage: StageName,
        class: Class,
        code: impl Into<String>,
        reason: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let first_failed_at = message.headers.get(header::FIRST_FAILED_AT).and_then(timestamp::from_text);
        Self {
            id: Self::id_for(stage, &message.id),
            class,
            code: code.into(),
            reason: cut(reason.into()),
            stage: Some(stage),
            attempt: message.attempt(),
            first_seen_at: first_failed_at.unwrap_or(now),
            headers: message.headers.clone(),
            body: message.body.clone(),
        }
    }

    /// The letter for `message`, whose holders in `stage` died each of the `deliveries` times that it was delivered.
    pub fn delivery_limit(message: &Message, stage: StageName, deliveries: u32, now: DateTime<Utc>) -> Self {
        let reason =
            format!("the {stage} died, or froze, each of the {deliveries} times it was given this message");
        Self::for_message(message, stage, Class::DeliveryLimit, "delivery_limit", reason, now)
    }

    /// The id of the letter for the message `id` that died in `stage`.
    pub fn id_for(stage: StageName, id: &MessageId) -> MessageId {
        MessageId::new(format!("dead/{stage}/{id}"))
    }

    /// The letter for something that happened in `stage` without a message. `occasion` tells two
    /// incidents of the same code apart, for example the slot of a failed fetch.
    pub fn incident(
        stage: StageName,
        code: impl Into<String>,
        occasion: impl fmt::Display,
        reason: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let code = code.into();
        Self {
            id: MessageId::new(format!("incident/{stage}/{code}/{occasion}")),
            class: Class::Incident,
            code,
            reason: cut(reason.into()),
            stage: Some(stage),
            attempt: 1,
            first_seen_at: now,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The replay in which the message died. Empty when it died before any replay, and for an incident, which is no
    /// message and happens once. At most [`MessageId::MAX_BYTES`] long.
    pub fn replay(&self) -> MessageId {
        let replay = self.headers.get(header::REPLAY_ID).filter(|_| self.class != Class::Incident);
        MessageId::new(replay.unwrap_or_default())
    }

    /// Says in the headers which coins it is about.
    #[must_use]
    pub fn about_coins(mut self, coins: impl IntoIterator<Item = u32>) -> Self {
        let coins: Vec<_> = coins.into_iter().take(MOST_COINS).map(|id| id.to_string()).collect();
        if !coins.is_empty() {
            self.headers.set(header::DEAD_COINS, coins.join(","));
        }
        self
    }

    /// The coins that it is about, as far as its headers say.
    pub fn coins(&self) -> Vec<u32> {
        let coins = self.headers.get(header::DEAD_COINS).unwrap_or_default().split(',');
        coins.filter_map(|id| id.parse().ok()).take(MOST_COINS).collect()
    }

    /// The message that carries this letter on the dead queue.
    pub fn into_message(self) -> Message {
        let mut headers = self.headers;
        headers.set(CLASS, self.class);
        headers.set(CODE, self.code);
        headers.set(REASON, self.reason);
        headers.set(ATTEMPT, self.attempt);
        headers.set(FIRST_SEEN_AT, timestamp::to_text(self.first_seen_at));
        if let Some(stage) = self.stage {
            headers.set(STAGE, stage);
        }
        Message { id: self.id, headers, body: self.body }
    }

    /// Reads a letter from the dead queue. Never fails: whatever arrives there must be filed, so absent
    /// or senseless headers get defaults (`Class::Unknown`, `now`).
    pub fn from_message(message: Message, now: DateTime<Utc>) -> Self {
        let Message { id, mut headers, body } = message;
        let mut take = |name: &str| headers.remove(name);
        let class = take(CLASS).and_then(|text| text.parse().ok()).unwrap_or(Class::Unknown);
        let code = take(CODE).unwrap_or_else(|| "no_code".to_owned());
        let reason = take(REASON).unwrap_or_else(|| "the letter does not say why it died".to_owned());
        let stage = take(STAGE).and_then(|text| text.parse().ok());
        let attempt = take(ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1);
        let first_seen_at = take(FIRST_SEEN_AT).and_then(|text| timestamp::from_text(&text)).unwrap_or(now);
        Self { id, class, code, reason: cut(reason), stage, attempt, first_seen_at, headers, body }
    }
}

fn cut(mut reason: String) -> String {
    if reason.len() > DeadLetter::MAX_REASON_BYTES {
        let mut end = DeadLetter::MAX_REASON_BYTES - '…'.len_utf8();
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        timestamp::from_text("2026-11-22T14:00:00Z").unwrap()
    }

    fn message() -> Message {
        let headers = Headers::new().with(header::BATCH, "b").with(header::ATTEMPT, 3);
        Message { id: MessageId::new("b/p1"), headers, body: b"body"[..].into() }
    }

    #[test]
    fn a_letter_survives_the_queue_with_the_original_headers_and_body() {
        let letter = DeadLetter::for_message(
            &message(),
            StageName::Transformer,
            Class::Poison,
            "bad_json",
            "no",
            now(),
        );
        assert_eq!((letter.attempt, letter.id.as_str()), (3, "dead/transformer/b/p1"));
        assert_eq!(letter.headers, message().headers);
        assert_eq!(DeadLetter::from_message(letter.clone().into_message(), now()), letter);
    }

    #[test]
    fn a_letter_says_which_life_of_the_message_ended() {
        let letter = |message: &Message| {
            let letter =
                DeadLetter::for_message(message, StageName::Loader, Class::Poison, "bad", "no", now());
            DeadLetter::from_message(letter.into_message(), now())
        };
        assert_eq!(letter(&message()).replay().as_str(), "");
        let mut again = message();
        again.headers.set(header::REPLAY_ID, "replay/2");
        assert_eq!(letter(&again).replay().as_str(), "replay/2");
        again.headers.set(header::REPLAY_ID, "long".repeat(1000));
        assert!(letter(&again).replay().as_str().len() <= MessageId::MAX_BYTES);

        let mut incident = DeadLetter::incident(StageName::Fetcher, "x", "slot", "no", now());
        incident.headers.set(header::REPLAY_ID, "replay/2");
        assert_eq!(incident.replay().as_str(), "");
    }

    #[test]
    fn a_letter_without_any_header_is_still_a_letter() {
        let bare = Message { id: MessageId::new("?"), headers: Headers::new(), body: vec![0xff, 0].into() };
        let letter = DeadLetter::from_message(bare, now());
        assert_eq!((letter.class, letter.code.as_str(), letter.stage), (Class::Unknown, "no_code", None));
        assert_eq!(letter.body[..], [0xff, 0]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let letter = DeadLetter::incident(StageName::Fetcher, "x", "o", "é".repeat(5000), now());
        assert!(letter.reason.len() <= DeadLetter::MAX_REASON_BYTES && letter.reason.ends_with('…'));
    }
}

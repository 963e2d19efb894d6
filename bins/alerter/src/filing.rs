//! The desk: files each death of a letter, once.
//!
//! It is kept simple, because nothing catches what it drops: it refuses no letter, and while the store is away letters
//! wait in the queue.

use std::sync::Arc;

use async_trait::async_trait;
use desk::BODY_BYTES;
use domain::{DeadLetter, Message, StageName, one_line};
use ports::{Clock, Letters, QueueName};
use stage::{Failure, Output, Stage};
use telemetry::Metrics;
use tracing::warn;

use crate::fingerprint::fingerprint;
use crate::metrics::LetterMetrics;
use crate::report::REASON_CHARS;

/// The alerter's stage.
pub struct Desk {
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    metrics: LetterMetrics,
}

impl Desk {
    /// A desk that files in `letters`, and counts them in `metrics`.
    pub fn new(letters: Arc<dyn Letters>, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        Self { letters, clock, metrics: metrics.set() }
    }
}

#[async_trait]
impl Stage for Desk {
    fn name(&self) -> StageName {
        StageName::Alerter
    }

    fn input(&self) -> QueueName {
        QueueName::Dead
    }

    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure> {
        let mut letter = DeadLetter::from_message(message.clone(), self.clock.now());
        shorten(&mut letter);
        let group = fingerprint(&letter);
        if self.letters.file(&letter, &group).await? {
            self.metrics.filed(letter.class);
            let stage = letter.stage.map_or("?", StageName::as_str);
            // A letter comes from outside: with line breaks in it, it could forge log lines.
            let [id, code, reason] =
                [letter.id.as_str(), &letter.code, &letter.reason].map(|text| one_line(text, REASON_CHARS));
            let replay = one_line(letter.replay().as_str(), REASON_CHARS);
            warn!(letter = id, replay, group, stage, class = %letter.class, code, "dead letter: {reason}");
        }
        Ok(Vec::new())
    }

    async fn ready(&self) -> Result<(), Failure> {
        Ok(self.letters.ready_to_file().await?)
    }
}

/// Cuts a body that is too long for a database: a letter without the end of its body is better than none.
fn shorten(letter: &mut DeadLetter) {
    let bytes = letter.body.len();
    if bytes > BODY_BYTES {
        letter.body.truncate(BODY_BYTES);
        letter.reason = format!(
            "{} (only the first {BODY_BYTES} of the {bytes} bytes of its body are kept)",
            letter.reason
        );
    }
}

#[cfg(test)]
mod tests {
    use domain::{Bytes, Class, Headers, MessageId, header};
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    fn bench() -> (Arc<MemoryStore>, Desk, Metrics) {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let metrics = Metrics::default();
        (store.clone(), Desk::new(store, clock, &metrics), metrics)
    }

    #[tokio::test]
    async fn whatever_arrives_is_filed_once() {
        let (store, desk, metrics) = bench();
        let long = "é\r\n\0".repeat(2000);
        for (id, headers, body) in [
            ("no headers", Headers::new(), b"".to_vec()),
            ("not text", Headers::new(), vec![0xff; 100]),
            (
                "senseless",
                Headers::new().with("x-dead-class", "?").with("x-dead-attempt", "many"),
                b"{}".to_vec(),
            ),
            ("long", Headers::new().with("x-dead-reason", &long).with("x-dead-code", "x"), b"{}".to_vec()),
        ] {
            let message = Message { id: MessageId::new(id), headers, body: body.clone().into() };
            for _ in 0..2 {
                assert_eq!(desk.handle(&message).await, Ok(Vec::new()));
            }
            let filed = store.letter(id).await.unwrap().expect("filed");
            assert_eq!((filed.letter.class, filed.letter.body), (Class::Unknown, body.into()), "{id}");
        }
        let total: u64 = store.groups(None).await.unwrap().iter().map(|group| group.total).sum();
        assert_eq!(total, 4);
        let text = metrics.render();
        assert!(text.contains(r#"coinpipe_letters_filed_total{class="unknown"} 4"#), "{text}");
    }

    /// The metrics count only new deaths.
    #[tokio::test]
    async fn every_death_of_a_message_is_filed() {
        let (store, desk, metrics) = bench();
        let headers = Headers::new().with("x-dead-class", "poison").with("x-dead-reason", "no good");
        let letter = |replay: Option<&str>, code: &str| {
            let mut headers = headers.clone().with("x-dead-code", code);
            if let Some(replay) = replay {
                headers.set(header::REPLAY_ID, replay);
            }
            Message { id: MessageId::new("dead/loader/b/p1/c1"), headers, body: b"rows"[..].into() }
        };
        let deaths =
            [letter(None, "bad"), letter(Some("replay/1"), "bad"), letter(Some("replay/1"), "worse")];
        for message in deaths.iter().chain(&deaths) {
            assert_eq!(desk.handle(message).await, Ok(Vec::new()));
        }
        let filed = store.letter("dead/loader/b/p1/c1").await.unwrap().expect("filed");
        let replays: Vec<_> =
            filed.deaths.iter().map(|death| (death.replay.as_str(), death.code.as_str())).collect();
        assert_eq!(replays, [("", "bad"), ("replay/1", "bad"), ("replay/1", "worse")]);
        let text = metrics.render();
        assert!(text.contains(r#"coinpipe_letters_filed_total{class="poison"} 3"#), "{text}");
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_for_a_database_is_cut_and_the_letter_is_filed() {
        let (store, desk, _) = bench();
        let headers = Headers::new().with("x-dead-reason", "not zstd");
        for (id, bytes, kept) in [("long", BODY_BYTES + 1, BODY_BYTES), ("fits", BODY_BYTES, BODY_BYTES)] {
            let message =
                Message { id: MessageId::new(id), headers: headers.clone(), body: vec![7; bytes].into() };
            assert_eq!(desk.handle(&message).await, Ok(Vec::new()));
            let letter = store.letter(id).await.unwrap().expect("filed").letter;
            assert_eq!(letter.body.len(), kept);
            let is_said = letter.reason.contains("8388609 bytes");
            assert!(letter.reason.starts_with("not zstd") && is_said == (id == "long"), "{}", letter.reason);
        }
    }

    #[tokio::test]
    async fn while_the_store_is_away_letters_wait() {
        let (store, desk, _) = bench();
        store.set_available(false);
        let message = Message { id: MessageId::new("m"), headers: Headers::new(), body: Bytes::new() };
        assert!(matches!(desk.handle(&message).await, Err(Failure::Outage { .. })));
        assert!(desk.ready().await.is_err());
        store.set_available(true);
        assert!(desk.ready().await.is_ok());
    }
}

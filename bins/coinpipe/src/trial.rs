//! The transformer's rules, for whoever edits a page at the desk.

use chrono::{DateTime, Utc};
use desk::{Trial, Tried};
use domain::Headers;

/// Tries pages as the transformer of this program would clean them.
pub(crate) struct PageTrial;

impl Trial for PageTrial {
    fn try_page(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<Tried, String> {
        let tried = transformer::trial(headers, body, now);
        let transformer::Trial { passed, rejected, rejects } =
            tried.map_err(|fault| telemetry::error_chain(&fault))?;
        let why = rejects.first().map(|reject| domain::one_line(&reject.reason, 200)).unwrap_or_default();
        Ok(Tried { passed, rejected, why })
    }
}

#[cfg(test)]
mod tests {
    use desk::Document;
    use domain::{Bytes, Class, DeadLetter, Message, MessageId, StageName, header};
    use testkit::contract::store::sample::{at, chunk};

    use super::*;

    fn page_letter(body: &[u8]) -> DeadLetter {
        let headers = chunk(&[]).page.to_message(Bytes::new()).headers;
        let message = Message { id: MessageId::new("b/p1"), headers, body: body.to_vec().into() };
        DeadLetter::for_message(&message, StageName::Transformer, Class::Poison, "bad", "no good", at(0))
    }

    /// What the stage could not read is not kept.
    #[test]
    fn an_edited_message_is_held_to_the_decoder_of_its_stage() {
        let letter = page_letter(b"not zstd");
        let document = Document::of(&letter).unwrap();
        let try_it = |document: &Document| {
            let made = document.to_letter(&letter, MessageId::new("new"), Some(&PageTrial), at(10));
            made.map(|(letter, verdict)| (letter.body, verdict)).map_err(|error| format!("{error:#}"))
        };
        assert!(try_it(&document).unwrap_err().contains("not JSON"));
        let with_body = |body: &str| {
            let mut changed = document.clone();
            changed.body = body.to_owned();
            changed
        };
        assert!(try_it(&with_body(r#"{"data": [{"id": 1}]}"#)).unwrap_err().contains("every coin"));
        let empty = with_body(r#"{"data": []}"#);
        assert_eq!(try_it(&empty).unwrap().1, "0 coins would pass");
        let mut headerless = empty;
        headerless.headers.remove(header::BATCH);
        assert!(try_it(&headerless).unwrap_err().contains("x-batch"));
    }
}

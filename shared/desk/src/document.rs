//! A letter as it is edited: its headers and its body as text, like a mail. What comes of it is held to the same decoder as any message.

use anyhow::{Context, anyhow, bail, ensure};
use chrono::{DateTime, Utc};
use domain::wire::{self, RowsMessage};
use domain::{Bytes, Chunk, DeadLetter, Headers, MessageId, QueueName, compress_body, counted, header};

use crate::body::{Body, body_of};
use crate::message::queue_of;
use crate::names::quoted_name;
use crate::rows_json;
use crate::trial::{Trial, Tried};

/// What stands at the top of the file that is edited.
const HELP: &str = "# The headers of the message, an empty line, and its body. Lines above the empty one that begin with # are left out.\n";

/// The headers and the body of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    queue: Origin,
    /// The headers.
    pub headers: Headers,
    /// The body as a text.
    pub body: String,
}

/// What is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// A page.
    Page,
    /// A chunk of rows, here without them.
    Chunk(Box<ChunkHead>),
}

/// A chunk without its rows. Numbers within are not compared: a head is equal to itself alone.
#[derive(Clone, Debug)]
struct ChunkHead(Chunk);

impl PartialEq for ChunkHead {
    fn eq(&self, other: &Self) -> bool {
        self.0.message_id() == other.0.message_id()
    }
}

impl Eq for ChunkHead {}

impl Document {
    /// The message of `letter`.
    ///
    /// # Errors
    ///
    /// Why it cannot be edited.
    pub fn of(letter: &DeadLetter) -> anyhow::Result<Self> {
        let queue = queue_of(letter).ok_or_else(|| anyhow!("it carries no message that could be edited"))?;
        ensure!(
            letter.class != domain::Class::Incident,
            "an incident carries no message that could be edited"
        );
        let queue = match queue {
            QueueName::Rows => Origin::Chunk(Box::new(ChunkHead(chunk_of(letter)?))),
            QueueName::Raw | QueueName::Dead if letter.class == domain::Class::RejectedRows => {
                bail!(
                    "its body is a list of the coins that were rejected, not the page; `coinpipe archive export` writes the page, and `coinpipe replay --files` takes it"
                )
            }
            QueueName::Raw | QueueName::Dead => Origin::Page,
        };
        let body = match body_of(letter) {
            Body::Json(text) | Body::Text(text) => text,
            Body::Empty | Body::Unreadable => String::new(),
        };
        Ok(Self { queue, headers: letter.headers.clone(), body })
    }

    /// The text that an editor shows.
    pub fn to_text(&self) -> String {
        let mut text = HELP.to_owned();
        for (name, value) in self.headers.iter() {
            text.extend([name, ": ", &domain::plain_lines(value).replace('\n', "\\n"), "\n"]);
        }
        if self.queue == Origin::Page {
            for name in missing_headers(&self.headers) {
                text.extend(["# ", name, ": is missing\n"]);
            }
        }
        format!("{text}\n{}\n", self.body)
    }

    /// The document that `text`, from an editor, is. Headers that nobody touched are as they were, whatever is in them.
    ///
    /// # Errors
    ///
    /// When a line above the empty one is no header.
    pub fn with_text(&self, text: &str) -> anyhow::Result<Self> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let shown = self.to_text();
        let mut headers = Headers::new();
        for line in head.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').with_context(|| format!("{line:?} is no header"))?;
            let (name, value) = (name.trim(), value.trim());
            let is_untouched = shown.lines().any(|before| before == line);
            let before = self.headers.get(name).filter(|_| is_untouched);
            headers.set(name, before.unwrap_or(value));
        }
        let body = body.strip_suffix('\n').unwrap_or(body).to_owned();
        Ok(Self { queue: self.queue.clone(), headers, body })
    }

    /// That what it becomes when it is changed can be tried here, and so kept.
    ///
    /// # Errors
    ///
    /// When it is a page, and there is no `trial`.
    pub(crate) fn check_can_be_tried(
        &self,
        original: &DeadLetter,
        trial: Option<&dyn Trial>,
    ) -> anyhow::Result<()> {
        if self.is_page() && trial.is_none() { Err(untried(original)) } else { Ok(()) }
    }

    /// Whether it is a page, not a chunk of rows.
    pub(crate) fn is_page(&self) -> bool {
        self.queue == Origin::Page
    }

    /// The letter `id`, made of `original`, with this message, and what would become of it.
    ///
    /// # Errors
    ///
    /// When the stage that the message goes to could not read it, or it is a page and nothing here can try it.
    pub fn to_letter(
        &self,
        original: &DeadLetter,
        id: MessageId,
        trial: Option<&dyn Trial>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<(DeadLetter, String)> {
        let (mut headers, body, verdict): (_, Bytes, _) = match &self.queue {
            Origin::Page => {
                let trial = trial.ok_or_else(|| untried(original))?;
                let headers = self.headers.clone().with(header::CONTENT_ENCODING, "zstd");
                let body: Bytes = compress_body(self.body.as_bytes()).into();
                let Tried { passed, rejected, why } = trial
                    .try_page(&headers, &body, now)
                    .map_err(|fault| anyhow!("it is no page: {fault}"))?;
                ensure!(passed > 0 || rejected == 0, "every coin of it would be rejected: {why}");
                let verdict = match rejected {
                    0 => format!("{} would pass", counted(passed as u64, "coin")),
                    _ => format!(
                        "{} would pass, {rejected} be rejected: {why}",
                        counted(passed as u64, "coin")
                    ),
                };
                (headers, body, verdict)
            }
            Origin::Chunk(head) => {
                let chunk = rows_json::from_text(&self.body, &head.0)?;
                let body: Bytes = wire::encode_chunk(&chunk).into();
                wire::decode(&body).context("the loader could not read it")?;
                (self.headers.clone(), body, format!("{} coins", chunk.rows.len()))
            }
        };
        // Why it died is the original's.
        headers.remove(header::REPLAY_ID);
        Ok((DeadLetter { id, headers, body, ..original.clone() }, verdict))
    }
}

fn untried(original: &DeadLetter) -> anyhow::Error {
    let name = quoted_name(original.id.as_str());
    anyhow!("this program has no transformer to try a page with: `coinpipe dead edit {name}`")
}

fn chunk_of(letter: &DeadLetter) -> anyhow::Result<Chunk> {
    match wire::decode(&letter.body) {
        Ok(RowsMessage::Chunk(chunk)) => {
            Ok(Chunk { rows: Vec::new(), ..chunk.with_headers(&letter.headers) })
        }
        Ok(_) => bail!("only pages and chunks of coins can be edited"),
        Err(error) => bail!(
            "its rows cannot be decoded ({error}); `coinpipe replay --batch` makes them anew from the archive"
        ),
    }
}

/// Headers that a page needs.
fn missing_headers(headers: &Headers) -> impl Iterator<Item = &'static str> {
    let needed = [
        header::BATCH,
        header::SLOT,
        header::PAGE,
        header::PAGES,
        header::FETCHED_AT,
        header::ENDPOINT,
        header::API_VERSION,
        header::CONVERT,
        header::SIMULATED,
        header::ORIGIN,
    ];
    needed.into_iter().filter(|name| headers.get(name).is_none())
}

#[cfg(test)]
mod tests {
    use domain::{Class, Message, StageName};
    use testkit::contract::store::sample::{at, chunk};

    use super::*;

    fn page_letter(body: &[u8]) -> DeadLetter {
        let headers = chunk(&[]).page.to_message(Bytes::new()).headers.with("odd", "two\nlines \u{202e}");
        let message = Message { id: MessageId::new("b/p1"), headers, body: body.to_vec().into() };
        DeadLetter::for_message(&message, StageName::Transformer, Class::Poison, "bad", "no good", at(0))
    }

    #[test]
    fn what_nobody_touched_in_the_editor_comes_back_as_it_was() {
        for body in ["not zstd", "", "{\n\n  \"data\": []\n}\n"] {
            let document = Document::of(&page_letter(body.as_bytes())).unwrap();
            assert_eq!(document.with_text(&document.to_text()).unwrap(), document, "{body:?}");
        }
        let document = Document::of(&page_letter(b"x")).unwrap();
        let text = document.to_text().replace("x-page: 1", "x-page: 2").replace("\nx\n", "\n{}\n");
        let edited = document.with_text(&text).unwrap();
        assert_eq!((edited.headers.get("x-page"), edited.body.as_str()), (Some("2"), "{}"));
        assert_eq!(edited.headers.get("odd"), document.headers.get("odd"));
        assert!(document.with_text("no header\n\nx").is_err());
    }

    #[test]
    fn a_letter_without_headers_names_those_that_a_page_needs() {
        let mut letter = page_letter(b"garbage");
        letter.headers = Headers::new();
        let text = Document::of(&letter).unwrap().to_text();
        assert!(text.contains("# x-batch: is missing\n") && text.contains("\n\ngarbage\n"), "{text}");
    }

    #[test]
    fn rows_are_edited_as_json_and_what_is_no_chunk_is_not_edited() {
        let sent = chunk(&[1, 1027]);
        let letter = |body: Vec<u8>| {
            let message = Message { id: sent.message_id(), headers: sent.headers(), body: body.into() };
            DeadLetter::for_message(&message, StageName::Loader, Class::Poison, "bad", "no good", at(0))
        };
        let died = letter(wire::encode_chunk(&sent));
        let document = Document::of(&died).unwrap();
        let body = document.body.replace("\"C1027\"", "\"ETH\"");
        let edited =
            Document { body, ..document }.to_letter(&died, MessageId::new("new"), None, at(0)).unwrap().0;
        let RowsMessage::Chunk(read) = wire::decode(&edited.body).unwrap() else { panic!("no chunk") };
        assert_eq!((read.rows[1].coin.symbol.as_str(), &read.rows[0]), ("ETH", &sent.rows[0]));
        let refused = Document::of(&letter(b"CMCR garbage".to_vec())).unwrap_err();
        assert!(refused.to_string().contains("replay --batch"), "{refused}");
        let incident = DeadLetter::incident(StageName::Fetcher, "c", "o", "r", at(0));
        assert!(Document::of(&incident).is_err());
    }
}

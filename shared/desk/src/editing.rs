//! A letter's message is changed by hand, held to the decoder of its stage, and kept beside the original.

use anyhow::{anyhow, bail, ensure};
use chrono::{DateTime, Utc};
use domain::{DeadLetter, MessageId};
use ports::store::{FiledLetter, Handling, LetterKey};
use serde_json::json;
use service::Stores;

use crate::action::action;
use crate::difference::difference;
use crate::document::Document;
use crate::hidden::Hidden;
use crate::kind::changed_kind;
use crate::trial::Trial;

/// Edits of one letter that may be kept.
const MOST_EDITS: u32 = 1000;

/// What is told in the place of what a stage says of a message, which may have values of it.
const UNTOLD: &str = "its stage could not read it; why may have what [http] hide hides in it, so only `coinpipe dead edit --dry-run` tells it";

/// A letter that is about to be edited.
#[derive(Clone, Debug)]
pub struct Editing {
    filed: FiledLetter,
    before: Document,
    /// Names of headers and of fields whose values a difference does not tell.
    hide: Vec<String>,
}

/// An edit that the stage of the message could read.
#[derive(Clone, Debug)]
pub struct Checked {
    original: LetterKey,
    letter: DeadLetter,
    /// What was changed, value by value, in lines.
    pub difference: Vec<String>,
    /// What would become of it, in words.
    pub verdict: String,
}

impl Editing {
    /// The message of the letter.
    ///
    /// # Errors
    ///
    /// Why it cannot be edited.
    pub fn of(filed: FiledLetter, handling: &Handling) -> anyhow::Result<Self> {
        if handling.state.is_settled() {
            bail!("the letter is {}; `coinpipe dead show` says why", handling.state);
        }
        let before = Document::of(&filed.letter)?;
        Ok(Self { filed, before, hide: Vec::new() })
    }

    /// The same, with a difference that does not tell the values of headers and fields with these names, whatever their case.
    #[must_use]
    pub fn hiding(self, names: &[String]) -> Self {
        Self { hide: names.to_vec(), ..self }
    }

    /// That what it becomes can be tried here, and so kept.
    ///
    /// # Errors
    ///
    /// When it is a page, and there is no `trial`.
    pub fn check_can_be_tried(&self, trial: Option<&dyn Trial>) -> anyhow::Result<()> {
        self.before.check_can_be_tried(&self.filed.letter, trial)
    }

    /// The message as it is.
    pub fn before(&self) -> &Document {
        &self.before
    }

    /// What `after` would be as a letter. It may make another kind of message of it only when `to_another_kind`. Without `trial` no page
    /// can be tried, and so none edited.
    ///
    /// # Errors
    ///
    /// When nothing was changed, or the stage of the message could not read it.
    pub async fn check(
        &self,
        stores: &Stores,
        after: &Document,
        to_another_kind: bool,
        trial: Option<&dyn Trial>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Checked> {
        let letter = &self.filed.letter;
        let difference = difference(&self.before, after, Hidden(&self.hide));
        ensure!(!difference.is_empty(), "nothing was changed");
        let mut changed = changed_kind(&self.before.headers, &after.headers, after.is_page());
        if !self.hide.is_empty() {
            // The names without what they said.
            for line in &mut changed {
                line.truncate(line.find(": ").unwrap_or(line.len()));
            }
        }
        ensure!(
            changed.is_empty() || to_another_kind,
            "it would be another message than the one that died ({}); if that is meant, say so (the box on the site, --to-another-kind here)",
            changed.join(", ")
        );
        let made = after.to_letter(letter, new_id(stores, letter).await?, trial, now);
        let (letter, mut verdict) =
            if self.hide.is_empty() { made? } else { made.map_err(|_| anyhow!(UNTOLD))? };
        if !self.hide.is_empty()
            && let Some((told, _)) = verdict.split_once(": ")
        {
            verdict = told.to_owned();
        }
        let original = LetterKey { filed_at: self.filed.filed_at, id: self.filed.letter.id.to_string() };
        Ok(Checked { original, letter, difference, verdict })
    }
}

impl Checked {
    /// The id of the letter that it would be.
    pub fn id(&self) -> &MessageId {
        &self.letter.id
    }

    /// Keeps it, and writes down that `who` did.
    ///
    /// # Errors
    ///
    /// When the original died again, or was settled, meanwhile; then nothing is changed.
    pub async fn keep(&self, stores: &Stores, who: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
        let action = action("edit", &json!({ "id": self.original.id }), 1, who, now);
        stores.desk.begin(&action).await?;
        let is_kept = stores.desk.keep_edited(&self.original, &self.letter).await?;
        let outcome = if is_kept {
            format!("kept as {}", self.id())
        } else {
            "not kept: the letter died again or was settled".to_owned()
        };
        stores.desk.note(&action.id, u64::from(is_kept), Some(&outcome)).await?;
        ensure!(is_kept, "the letter died again meanwhile, or was settled; nothing was changed");
        Ok(())
    }
}

/// The id of the letter that comes of editing `letter`: that of the message, and how often it was edited.
async fn new_id(stores: &Stores, letter: &DeadLetter) -> anyhow::Result<MessageId> {
    let base = letter.id.as_str();
    let base = base
        .rsplit_once("+edit")
        .filter(|(_, number)| number.parse::<u32>().is_ok())
        .map_or(base, |(base, _)| base);
    for number in 1..=MOST_EDITS {
        let id = MessageId::new(format!("{base}+edit{number}"));
        if stores.letters.filed(&[id.as_str()]).await?.is_empty() {
            return Ok(id);
        }
    }
    bail!("the letter was edited {MOST_EDITS} times")
}

#[cfg(test)]
mod tests;

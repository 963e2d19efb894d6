//! `coinpipe dead edit`: a letter's message is changed by hand, held to the decoder of its stage, and kept beside the original.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use domain::{DeadLetter, MessageId};
use ports::store::LetterKey;
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, open_stores};
use super::difference::difference;
use super::document::Document;
use super::{editor, json_path, show};
use crate::confirm::confirm;
use crate::output;

/// Edits of one letter that may be kept.
const MOST_EDITS: u32 = 1000;

/// Change a letter's message, in `$EDITOR` or by these options. It becomes a letter of its own; the original stays
#[derive(Args, Debug)]
pub(super) struct EditArgs {
    /// The letter's id, as `list` shows it
    id: String,
    /// Set a value of the body: `data[0].name='"Bitcoin"'`, or `data[id=1].name='"Bitcoin"'`
    #[arg(long, value_name = "PATH=JSON", value_parser = set)]
    set: Vec<(String, String)>,
    /// Set a header; without a text it is removed
    #[arg(long, value_name = "NAME=TEXT", value_parser = set)]
    header: Vec<(String, String)>,
    /// Take the body from this file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    act: ActArgs,
}

/// A path may have `=` within its brackets.
fn set(text: &str) -> Result<(String, String), String> {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            '=' if depth == 0 && at > 0 => return Ok((text[..at].to_owned(), text[at + 1..].to_owned())),
            _ => {}
        }
    }
    Err("write it as LEFT=RIGHT".to_owned())
}

pub(super) async fn run(process: &Process, args: &EditArgs) -> anyhow::Result<()> {
    let stores = process.unless_stopped(open_stores(process, args.act.dry_run)).await?;
    let (filed, handling) = show::letter(&stores, &args.id).await?;
    if handling.state.is_settled() {
        bail!("the letter is {}; `coinpipe dead show` says why", handling.state);
    }
    let before = Document::of(&filed.letter)?;
    let Some(after) = changed(&before, args).await? else { bail!("nothing was changed") };
    let id = new_id(&stores, &filed.letter).await?;
    let (edited, verdict) = after.to_letter(&filed.letter, id.clone(), process.clock.now())?;
    let lines = difference(&before, &after);
    if lines.is_empty() {
        bail!("nothing was changed");
    }
    let tell = |done: u32| {
        if args.act.json {
            let fields = json!({
                "verb": "edit", "original": args.id, "id": id.as_str(), "difference": lines, "verdict": verdict, "done": done,
            });
            return output::print(serde_json::to_string_pretty(&fields)?);
        }
        for line in &lines {
            output::print(format!("changed   {line}"))?;
        }
        output::print(format!("checked   {verdict}"))
    };
    if args.act.dry_run {
        return tell(0);
    }
    if !args.act.json {
        tell(0)?;
    }
    if !args.act.yes && args.is_by_hand() && !confirm(process, "Keep it?").await? {
        bail!("nothing was changed");
    }
    let action = args.act.about(&args.id, "edit", process.clock.now());
    stores.desk.begin(&action).await?;
    let key = LetterKey { filed_at: filed.filed_at, id: args.id.clone() };
    let is_kept = stores.desk.keep_edited(&key, &edited).await?;
    let outcome =
        if is_kept { format!("kept as {id}") } else { "not kept: the letter died again".to_owned() };
    stores.desk.note(&action.id, u64::from(is_kept), Some(&outcome)).await?;
    if !is_kept {
        bail!("the letter died again meanwhile; nothing was changed");
    }
    if args.act.json {
        return tell(1);
    }
    output::print(format!("Kept as   {id}; `coinpipe dead replay '{id}'` sends it"))
}

impl EditArgs {
    /// Whether an editor is opened.
    fn is_by_hand(&self) -> bool {
        self.set.is_empty() && self.header.is_empty() && self.file.is_none()
    }
}

/// The document after the edit; `None` when the operator changed nothing.
async fn changed(before: &Document, args: &EditArgs) -> anyhow::Result<Option<Document>> {
    if args.is_by_hand() {
        let edited = editor::edit(&before.to_text()).await?;
        return edited.map(|text| before.with_text(&text)).transpose();
    }
    let mut after = before.clone();
    if let Some(path) = &args.file {
        after.body =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    for (path, value) in &args.set {
        after.body = json_path::set(&after.body, path, value)?;
    }
    for (name, value) in &args.header {
        if value.is_empty() {
            after.headers.remove(name);
        } else {
            after.headers.set(name, value);
        }
    }
    Ok(Some(after))
}

/// The id of the letter that comes of editing `letter`: that of the message, and how often it was edited.
async fn new_id(stores: &service::Stores, letter: &DeadLetter) -> anyhow::Result<MessageId> {
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
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_an_equals_sign_within_brackets() {
        let pair = |left: &str, right: &str| Ok((left.to_owned(), right.to_owned()));
        assert_eq!(set("data[id=1].name=\"a=b\""), pair("data[id=1].name", "\"a=b\""));
        assert_eq!(set("x-page="), pair("x-page", ""));
        assert!(set("=1").is_err() && set("data[id=1]").is_err());
    }
}

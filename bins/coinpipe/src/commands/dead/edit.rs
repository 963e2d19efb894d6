//! `coinpipe dead edit`: a letter's message is changed by hand, held to the decoder of its stage, and kept beside the original.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use desk::{Checked, Document, Editing, quoted_name, set_value, shown_name};
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, open_stores};
use super::editor;
use super::which::NameArgs;
use crate::confirm::confirm;
use crate::output;
use crate::trial::PageTrial;

/// Change a letter's message, in `$EDITOR` or by these options. It becomes a letter of its own; the original stays
#[derive(Args, Debug)]
pub(super) struct EditArgs {
    #[command(flatten)]
    letter: NameArgs,
    /// Set a value of the body: `data[0].name='"Bitcoin"'`, or `data[id=1].name='"Bitcoin"'`
    #[arg(long, value_name = "PATH=JSON", value_parser = set)]
    set: Vec<(String, String)>,
    /// Set a header; without a text it is removed
    #[arg(long, value_name = "NAME=TEXT", value_parser = set)]
    header: Vec<(String, String)>,
    /// Let the edit change what the message is: another endpoint, batch or page, or simulated in place of real
    #[arg(long)]
    to_another_kind: bool,
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
    let (filed, handling) = args.letter.find(&stores).await?;
    let original = filed.letter.id.clone();
    let editing = Editing::of(filed, &handling)?;
    let Some(after) = changed(editing.before(), args).await? else { bail!("nothing was changed") };
    let now = process.clock.now();
    let checked = editing.check(&stores, &after, args.to_another_kind, Some(&PageTrial), now).await?;
    let id = checked.id();
    let tell = |done: u32| {
        let Checked { difference, verdict, .. } = &checked;
        if args.act.json {
            let fields = json!({
                "verb": "edit", "original": original.as_str(), "id": id.as_str(), "difference": difference,
                "verdict": verdict, "done": done,
            });
            return output::print(serde_json::to_string_pretty(&fields)?);
        }
        for line in difference {
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
    checked.keep(&stores, &args.act.who(), process.clock.now()).await?;
    if args.act.json {
        return tell(1);
    }
    output::print(format!(
        "Kept as   {}; `coinpipe dead replay {}` sends it",
        shown_name(id.as_str()),
        quoted_name(id.as_str())
    ))
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
        after.body = set_value(&after.body, path, value)?;
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

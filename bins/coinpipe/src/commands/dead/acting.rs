//! What all commands have in common that change letters: they say how many, ask once, write down who did it, and go through all that
//! match, a few at a time.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use ports::store::{Action, DeskLetter, LetterFilter, LetterKey};
use serde_json::json;
use service::{Process, Stores};

use super::which;
use crate::action::action;
use crate::confirm::confirm;
use crate::{adapters, numbers, output};

/// Letters that are read at a time.
const PORTION: u32 = 200;

/// The longest reason that is kept, in characters.
const WHY: usize = 1000;

#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(super) struct ActArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    pub(super) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Who does it, for the record; without it: you, and this machine
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl ActArgs {
    /// What is written down of something that is done to the letter `id`.
    pub(super) fn about(&self, id: &str, verb: &str, now: DateTime<Utc>) -> Action {
        action(verb, &json!({ "id": id }), 1, self.who.as_deref(), now)
    }
}

/// Letters that are about to be changed.
pub(super) struct Acting<'a> {
    process: &'a Process,
    args: &'a ActArgs,
    filter: LetterFilter,
    action: Action,
    after: Option<LetterKey>,
}

impl<'a> Acting<'a> {
    /// The letters of `stores` that `filter` takes, as they are now: what is filed later is left alone. `what` is what is about to be done,
    /// in the form "replay". `None` when there are none, or nothing is to be done; then that was said.
    pub(super) async fn plan(
        process: &'a Process,
        stores: &Stores,
        mut filter: LetterFilter,
        args: &'a ActArgs,
        verb: &str,
    ) -> anyhow::Result<Option<Self>> {
        let now = process.clock.now();
        // What is there when it is asked for. A letter of this millisecond is.
        let asked_at = now + chrono::TimeDelta::milliseconds(1);
        filter.until = Some(filter.until.map_or(asked_at, |until| until.min(asked_at)));
        let matched = stores.desk.count(&filter, u64::MAX >> 1).await?;
        let action = action(verb, &which::to_json(&filter), matched, args.who.as_deref(), now);
        let acting = Self { process, args, filter, action, after: None };
        if args.dry_run {
            acting
                .tell(json!({ "dry_run": true, "done": 0 }), &format!("would {verb} {}", letters(matched)))?;
            return Ok(None);
        }
        if matched == 0 {
            acting.tell(json!({ "done": 0 }), "there are no such letters; nothing was changed")?;
            return Ok(None);
        }
        Ok(Some(acting))
    }

    /// Asks, if there is more than one letter and nobody said yes before; and writes down that it begins.
    pub(super) async fn begin(&self, stores: &Stores) -> anyhow::Result<()> {
        let Action { verb, matched, .. } = &self.action;
        if *matched > 1 && !self.args.yes {
            let verb = verb[..1].to_uppercase() + &verb[1..];
            if !confirm(self.process, &format!("{verb} {}?", letters(*matched))).await? {
                bail!("nothing was changed");
            }
        }
        Ok(stores.desk.begin(&self.action).await?)
    }

    /// The id of the action.
    pub(super) fn id(&self) -> &str {
        &self.action.id
    }

    /// How many letters there were.
    pub(super) fn matched(&self) -> u64 {
        self.action.matched
    }

    /// Which letters they are.
    pub(super) fn filter(&self) -> &LetterFilter {
        &self.filter
    }

    /// The next letters; none at the end.
    pub(super) async fn next(&mut self, stores: &Stores) -> anyhow::Result<Vec<DeskLetter>> {
        let page = stores.desk.list(&self.filter, self.after.as_ref(), PORTION).await?;
        self.after = page.last().map(DeskLetter::key).or(self.after.take());
        Ok(page)
    }

    /// Writes down how it went: to how many letters it was done, and how it ended.
    pub(super) async fn end(&self, stores: &Stores, done: u64, outcome: &str) -> anyhow::Result<()> {
        Ok(stores.desk.note(self.id(), done, Some(outcome)).await?)
    }

    /// Fails when it was stopped before it was done to all: who started it from a script is to know.
    pub(super) fn require_all(&self, done: u64, is_stopped: bool) -> anyhow::Result<()> {
        let left = self.matched().saturating_sub(done);
        if is_stopped && left > 0 {
            bail!("stopped before it was done: {} left; the same command goes on", letters(left));
        }
        Ok(())
    }

    /// Prints `text`, or JSON with these fields.
    pub(super) fn tell(&self, mut fields: serde_json::Value, text: &str) -> anyhow::Result<()> {
        if !self.args.json {
            return output::print(text);
        }
        let Action { verb, matched, id, .. } = &self.action;
        fields["action"] = id.as_str().into();
        fields["verb"] = verb.as_str().into();
        fields["matched"] = (*matched).into();
        output::print(serde_json::to_string_pretty(&fields)?)
    }
}

/// The stores to work on; a file that does not exist is not created.
pub(super) async fn open_stores(process: &Process, dry_run: bool) -> anyhow::Result<Stores> {
    let url = &process.config().store.url;
    let opened = if dry_run {
        process.open_stores_read_only().await?
    } else if service::file_of(url).is_some_and(|path| !path.exists()) {
        None
    } else {
        Some(process.open_stores().await?)
    };
    match opened {
        Some(stores) => Ok(stores),
        None => bail!(adapters::nothing_at(url)),
    }
}

/// The reason as it is kept; an error when it is too long.
pub(super) fn checked_why(why: &str) -> anyhow::Result<&str> {
    if why.chars().count() > WHY {
        let most = numbers::count(WHY as u64);
        return Err(service::Usage(format!("--why has more than {most} characters")).into());
    }
    Ok(why)
}

/// A number of letters, in words.
pub(super) fn letters(number: u64) -> String {
    numbers::counted(number, "letter")
}

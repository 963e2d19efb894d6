//! What all commands have in common that change letters: they say how many, ask once, and tell how it went.

use anyhow::bail;
use clap::Args;
use desk::{Acting, SettledBefore, Verb};
use ports::store::LetterFilter;
use serde_json::{Value, json};
use service::{Process, Stores};

use crate::action::name_of;
use crate::confirm::confirm;
use crate::{adapters, numbers, output};

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
    /// Who does it.
    pub(super) fn who(&self) -> String {
        name_of(self.who.as_deref())
    }

    /// The letters of `stores` that `filter` takes. `None` when there are none, or nothing is to be done; then that was said.
    pub(super) async fn plan(
        &self,
        process: &Process,
        stores: &Stores,
        filter: LetterFilter,
        verb: Verb,
    ) -> anyhow::Result<Option<Acting>> {
        let acting = Acting::plan(stores, filter, verb, &self.who(), process.clock.now()).await?;
        let matched = acting.matched();
        if self.dry_run {
            let would = format!("would {} {}{}", verb.as_str(), letters(acting.possible()), already(&acting));
            self.tell_of(&acting, None, json!({ "dry_run": true, "done": 0 }), &would)?;
            return Ok(None);
        }
        if matched == 0 {
            // One that is settled already was perhaps meant all the same: not only those in the state that was asked for.
            let before = match verb {
                Verb::Resolve | Verb::Drop => SettledBefore::of(stores, acting.filter()).await?,
                Verb::Replay | Verb::Purge => None,
            };
            let none = none_left(before.as_ref());
            let already = before.map_or(0, |before| before.letters);
            self.tell_of(&acting, None, json!({ "done": 0, "settled_already": already }), &none)?;
            return Ok(None);
        }
        Ok(Some(acting))
    }

    /// Asks, if there is more than one letter and nobody said yes before; and writes down that it begins.
    pub(super) async fn begin(
        &self,
        process: &Process,
        stores: &Stores,
        acting: &Acting,
    ) -> anyhow::Result<()> {
        if acting.matched() > 1 && acting.possible() > 0 && !self.yes {
            let verb = acting.verb().as_str();
            let verb = verb[..1].to_uppercase() + &verb[1..];
            let question = format!("{verb} {}?{}", letters(acting.possible()), already(acting));
            if !confirm(process, &question).await? {
                bail!("nothing was changed");
            }
        }
        Ok(acting.begin(stores).await?)
    }

    /// Prints `text`, or JSON with these fields, of what was begun.
    pub(super) fn tell(&self, acting: &Acting, fields: Value, text: &str) -> anyhow::Result<()> {
        self.tell_of(acting, Some(acting.id()), fields, text)
    }

    /// Prints `text`, or JSON with these fields. Without an `action` nothing was begun, and none is on record.
    fn tell_of(
        &self,
        acting: &Acting,
        action: Option<&str>,
        mut fields: Value,
        text: &str,
    ) -> anyhow::Result<()> {
        if !self.json {
            return output::print(text);
        }
        fields["action"] = action.into();
        fields["verb"] = acting.verb().as_str().into();
        fields["matched"] = acting.matched().into();
        fields["without_message"] = acting.without_message().into();
        if fields["settled_already"].is_null() {
            fields["settled_already"] = acting.already().into();
        }
        output::print(serde_json::to_string_pretty(&fields)?)
    }
}

/// Why there is nothing to do.
fn none_left(before: Option<&SettledBefore>) -> String {
    match before {
        None => "there are no such letters; nothing was changed".to_owned(),
        Some(before) if before.letters == 1 => {
            format!("the letter is {}; nothing was changed", before.told())
        }
        Some(before) => format!(
            "all {} are resolved or dropped already, the newest {}; nothing was changed",
            letters(before.letters),
            before.told()
        ),
    }
}

/// What the filter takes besides, and what stays as it is.
fn already(acting: &Acting) -> String {
    match acting.without_message() {
        0 => {}
        1 => {
            return " (1 more is an incident, which has no message; `coinpipe dead resolve` closes it)"
                .to_owned();
        }
        more => {
            let more = numbers::count(more);
            return format!(
                " ({more} more are incidents, which have no message; `coinpipe dead resolve` closes them)"
            );
        }
    }
    match acting.already() {
        0 => String::new(),
        1 => " (1 more is resolved or dropped already)".to_owned(),
        more => format!(" ({} more are resolved or dropped already)", numbers::count(more)),
    }
}

/// Fails when it was stopped before it was done to all: who started it from a script is to know.
pub(super) fn require_all(acting: &Acting, done: u64, is_stopped: bool) -> anyhow::Result<()> {
    let left = acting.matched().saturating_sub(done);
    if is_stopped && left > 0 {
        bail!("stopped before it was done: {} left; the same command goes on", letters(left));
    }
    Ok(())
}

/// The store to work on; a file that does not exist is not created.
pub(super) async fn open_stores(process: &Process, dry_run: bool) -> anyhow::Result<Stores> {
    if !dry_run {
        return adapters::open_existing_stores(process).await;
    }
    match process.open_stores_read_only().await? {
        Some(stores) => Ok(stores),
        None => bail!(adapters::nothing_at(&process.config().store.url)),
    }
}

/// The reason as it is kept; an error when it is too long.
pub(super) fn checked_why(why: &str) -> anyhow::Result<&str> {
    if why.chars().count() > desk::WHY_CHARS {
        let most = numbers::count(desk::WHY_CHARS as u64);
        return Err(service::Usage(format!("--why has more than {most} characters")).into());
    }
    Ok(why)
}

/// A number of letters, in words.
pub(super) fn letters(number: u64) -> String {
    numbers::counted(number, "letter")
}

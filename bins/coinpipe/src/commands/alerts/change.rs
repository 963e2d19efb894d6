//! Silencing a group, ending a silence, calling a group resolved.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use desk::group_named;
use domain::{one_line, timestamp};
use ports::store::{AlertGroup, GroupState, Silence};
use serde_json::{Value, json};
use service::{Process, Stores, Usage};

use super::list::silence_json;
use crate::action::{action, whoami};
use crate::{adapters, output, values};

/// A silence lasts no longer: a slip of the pen must not silence for ever what nobody will remember.
const LONGEST_SILENCE: Duration = Duration::from_hours(30 * 24);

/// Changes that can be asked for.
pub(crate) enum ChangeArgs {
    Silence(SilenceArgs),
    Unsilence(UnsilenceArgs),
    Resolve(ResolveArgs),
}

#[derive(Args, Debug)]
struct Which {
    /// The group, by its fingerprint, as `coinpipe alerts` shows it, or its first four characters or more
    group: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Who does it, for the record; without it: you, and this machine
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SilenceArgs {
    #[command(flatten)]
    which: Which,
    /// For how long, such as 2h; 30 days at most
    #[arg(long = "for", value_name = "TIME", value_parser = silent_for)]
    time: Duration,
    /// Why, for whoever wonders
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Args, Debug)]
pub(crate) struct UnsilenceArgs {
    #[command(flatten)]
    which: Which,
}

#[derive(Args, Debug)]
pub(crate) struct ResolveArgs {
    #[command(flatten)]
    which: Which,
    /// Why; the mail about its end says it
    #[arg(long, value_name = "TEXT")]
    why: String,
}

impl ChangeArgs {
    fn which(&self) -> &Which {
        match self {
            Self::Silence(args) => &args.which,
            Self::Unsilence(args) => &args.which,
            Self::Resolve(args) => &args.which,
        }
    }

    fn check(&self) -> Result<(), Usage> {
        let why = match self {
            Self::Silence(SilenceArgs { why, .. }) | Self::Resolve(ResolveArgs { why, .. }) => why,
            Self::Unsilence(_) => return Ok(()),
        };
        if why.trim().is_empty() { Err(Usage("--why needs a reason".to_owned())) } else { Ok(()) }
    }
}

pub(super) async fn run(process: &Process, args: &ChangeArgs) -> anyhow::Result<()> {
    args.check()?;
    let which = args.which();
    // What only looks makes and changes nothing.
    let stores = if which.dry_run {
        let found = process.open_stores_read_only().await?;
        found.with_context(|| adapters::nothing_at(&process.config().store.url))?
    } else {
        adapters::open_existing_stores(process).await?
    };
    let groups = stores.letters.groups(None).await?;
    let group = group_named(&groups, &which.group)?;
    let done = match args {
        ChangeArgs::Silence(args) => silence(&stores, group, args, process.clock.now()).await?,
        ChangeArgs::Unsilence(_) => unsilence(&stores, group, which.dry_run, process.clock.now()).await?,
        ChangeArgs::Resolve(args) => resolve(&stores, group, args).await?,
    };
    let mut action = None;
    if !which.dry_run {
        action = Some(record(&stores, group, args, &done.text, process.clock.now()).await?);
    }
    if which.json {
        let mut json = done.json;
        json["action"] = action.into();
        json["group"] = group.fingerprint.as_str().into();
        json["dry_run"] = which.dry_run.into();
        return output::print(serde_json::to_string_pretty(&json)?);
    }
    let would = if which.dry_run { "would be done: " } else { "" };
    output::print(format!("{would}group {} ({}): {}", group.fingerprint, cause(group), done.text))
}

/// Writes down who did it, beside what is done to letters. The id of the action.
async fn record(
    stores: &Stores,
    group: &AlertGroup,
    args: &ChangeArgs,
    outcome: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<String> {
    let verb = match args {
        ChangeArgs::Silence(_) => "silence",
        ChangeArgs::Unsilence(_) => "unsilence",
        ChangeArgs::Resolve(_) => "resolve",
    };
    let filter = json!({ "group": group.fingerprint });
    let action = action(verb, &filter, group.total, args.which().who.as_deref(), now);
    stores.desk.begin(&action).await?;
    stores.desk.note(&action.id, group.total, Some(outcome)).await?;
    Ok(action.id)
}

/// `2h`: some time, and no more than [`LONGEST_SILENCE`].
fn silent_for(text: &str) -> Result<Duration, String> {
    let time = values::duration(text)?;
    if time < Duration::from_secs(1) {
        return Err("a silence lasts a second at least".to_owned());
    }
    if time > LONGEST_SILENCE {
        let days = LONGEST_SILENCE.as_secs() / 86_400;
        return Err(format!(
            "a silence lasts {days} days at most: it can be made anew, and `coinpipe alerts resolve` is for what nobody has to look after"
        ));
    }
    Ok(time)
}

/// What was done, for programs and for people.
struct Done {
    json: Value,
    text: String,
}

async fn silence(
    stores: &Stores,
    group: &AlertGroup,
    args: &SilenceArgs,
    now: DateTime<Utc>,
) -> anyhow::Result<Done> {
    let until = timestamp::later(now, args.time);
    let silence = Silence {
        fingerprint: group.fingerprint.clone(),
        until,
        why: args.why.trim().to_owned(),
        by: args.which.who.clone().unwrap_or_else(whoami),
        at: now,
    };
    if !args.which.dry_run {
        stores.silences.silence(&silence).await?;
    }
    let text = silenced(&silence);
    Ok(Done { json: json!({ "silence": silence_json(&silence) }), text })
}

/// What a silence is, for the record too.
fn silenced(Silence { until, why, .. }: &Silence) -> String {
    format!("no mails until {}: {}", timestamp::to_text(*until), one_line(why, 200))
}

async fn unsilence(
    stores: &Stores,
    group: &AlertGroup,
    dry_run: bool,
    now: DateTime<Utc>,
) -> anyhow::Result<Done> {
    let there = stores.silences.silences(now).await?;
    let was = there.iter().find(|silence| silence.fingerprint == group.fingerprint);
    let Some(was) = was else {
        bail!("the group {} is not silenced; nothing was changed", group.fingerprint)
    };
    if !dry_run {
        stores.silences.unsilence(&group.fingerprint, now).await?;
    }
    let text = format!("mails again; it was silent, by {}: {}", was.by, one_line(&was.why, 200));
    Ok(Done { json: json!({ "silence": null, "was": silence_json(was) }), text })
}

async fn resolve(stores: &Stores, group: &AlertGroup, args: &ResolveArgs) -> anyhow::Result<Done> {
    if group.state == GroupState::Resolved {
        let how = group.resolution.as_deref().map(|how| format!(", {}", one_line(how, 200)));
        let at = group.resolved_at.map(|at| format!(" since {}", timestamp::to_text(at)));
        let [at, how] = [at, how].map(Option::unwrap_or_default);
        bail!("the group {} is resolved{at}{how}; nothing was changed", group.fingerprint);
    }
    let how = format!("by hand: {}", args.why.trim());
    if !args.which.dry_run && !stores.letters.resolve(&group.fingerprint, group.total, &how).await? {
        bail!("another letter came just now; look at it, and try again");
    }
    Ok(Done { json: json!({ "resolution": how }), text: format!("resolved {how}") })
}

fn cause(group: &AlertGroup) -> String {
    let stage = group.stage.map_or("unknown stage", domain::StageName::as_str);
    format!("{stage}: {}/{}", group.class, one_line(&group.code, 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record says it as well.
    #[test]
    fn a_silence_says_why() {
        let at = DateTime::from_timestamp(60, 0).unwrap();
        let silence = Silence {
            fingerprint: "g".to_owned(),
            until: at,
            why: "the broker\nmoves".to_owned(),
            by: "me@here".to_owned(),
            at,
        };
        assert_eq!(silenced(&silence), "no mails until 1970-01-01T00:01:00.000Z: the broker moves");
    }

    #[test]
    fn a_slip_of_the_pen_silences_nothing_for_ever() {
        assert_eq!(silent_for("2h").unwrap(), Duration::from_hours(2));
        assert_eq!(silent_for("30d").unwrap(), LONGEST_SILENCE);
        for wrong in ["30d 1s", "200y", "31d", "0s", "soon"] {
            assert!(silent_for(wrong).is_err(), "{wrong}");
        }
        assert!(silent_for("200y").unwrap_err().contains("a silence lasts 30 days at most"));
    }
}

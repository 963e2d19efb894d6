//! `coinpipe dead`: the dead letters, for reading.

use anyhow::bail;
use clap::{Args, Subcommand};
use ports::store::{AlertGroup, Death, FiledLetter, LetterSummary};
use serde_json::{Map, Value, json};
use service::Process;

use crate::arguments::JsonArgs;
use crate::{adapters, numbers, output};

#[derive(Args, Debug)]
pub(crate) struct DeadArgs {
    #[command(subcommand)]
    command: DeadCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DeadCommand {
    /// The groups: letters with the same cause
    Groups(JsonArgs),
    /// The newest letters
    List {
        /// Only the letters of this group
        #[arg(long, value_name = "FINGERPRINT")]
        group: Option<String>,
        /// How many letters, newest first
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One letter with its headers and body
    Show {
        /// The letter's id, as `list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn run(process: &Process, args: &DeadArgs) -> anyhow::Result<()> {
    let Some(stores) = process.open_stores_read_only().await? else {
        return show_nothing(process, &args.command);
    };
    let letters = stores.letters;
    match &args.command {
        DeadCommand::Groups(args) => {
            let groups = letters.groups(None).await?;
            if args.json {
                let groups: Vec<_> = groups.iter().map(group_json).collect();
                return output::print(serde_json::to_string_pretty(&groups)?);
            }
            show_groups(&groups)
        }
        DeadCommand::List { group, limit, json } => {
            let letters = letters.letters(group.as_deref(), *limit).await?;
            if *json {
                let letters: Vec<_> = letters.iter().map(summary_json).collect();
                return output::print(serde_json::to_string_pretty(&letters)?);
            }
            show_letters(&letters)
        }
        DeadCommand::Show { id, json } => match letters.letter(id).await? {
            None => bail!(there_is_no(id)),
            Some(filed) if *json => output::print(serde_json::to_string_pretty(&letter_json(&filed))?),
            Some(filed) => show_letter(&filed),
        },
    }
}

/// Output when there is no store yet: empty, and valid JSON.
fn show_nothing(process: &Process, command: &DeadCommand) -> anyhow::Result<()> {
    match command {
        DeadCommand::Groups(JsonArgs { json: true }) | DeadCommand::List { json: true, .. } => {
            output::print("[]")
        }
        DeadCommand::Groups(_) | DeadCommand::List { .. } => {
            output::say(adapters::nothing_at(&process.config().store.url));
            Ok(())
        }
        DeadCommand::Show { id, .. } => bail!(there_is_no(id)),
    }
}

fn there_is_no(id: &str) -> String {
    format!("there is no dead letter {id:?}; `coinpipe dead list` shows their ids")
}

fn show_groups(groups: &[AlertGroup]) -> anyhow::Result<()> {
    if groups.is_empty() {
        output::say("no dead letters");
        return Ok(());
    }
    let rows = groups.iter().map(|group| {
        vec![
            group.fingerprint.clone(),
            group.state.to_string(),
            group.stage.map_or("–", domain::StageName::as_str).to_owned(),
            format!("{}/{}", group.class, domain::one_line(&group.code, 40)),
            numbers::count(group.total),
            domain::timestamp::to_text(group.last_seen_at),
            domain::one_line(&group.reason, 80),
        ]
    });
    output::print(output::table(
        &["group", "state", "stage", "cause", "letters", "last seen", "reason"],
        &[4],
        rows,
    ))
}

fn show_letters(letters: &[LetterSummary]) -> anyhow::Result<()> {
    if letters.is_empty() {
        output::say("no dead letters");
        return Ok(());
    }
    let rows = letters.iter().map(|letter| {
        vec![
            domain::one_line(letter.id.as_str(), 120),
            domain::timestamp::to_text(letter.filed_at),
            numbers::count(letter.deaths),
            format!("{}/{}", letter.class, domain::one_line(&letter.code, 40)),
            domain::one_line(&letter.reason, 80),
        ]
    });
    output::print(output::table(&["letter", "filed", "deaths", "cause", "reason"], &[2], rows))
}

fn show_letter(filed: &FiledLetter) -> anyhow::Result<()> {
    let FiledLetter { letter, fingerprint, filed_at, deaths } = filed;
    let stage = letter.stage.map_or("–", domain::StageName::as_str);
    output::print(format!("letter    {}", domain::one_line(letter.id.as_str(), 255)))?;
    output::print(format!("group     {fingerprint}"))?;
    output::print(format!("cause     {}/{} in {stage}", letter.class, domain::one_line(&letter.code, 80)))?;
    output::print(format!("reason    {}", domain::one_line(&letter.reason, 4096)))?;
    output::print(format!("seen      first {}", domain::timestamp::to_text(letter.first_seen_at)))?;
    output::print(format!(
        "filed     {}, attempt {}",
        domain::timestamp::to_text(*filed_at),
        letter.attempt
    ))?;
    for (name, value) in letter.headers.iter() {
        output::print(format!("header    {}: {}", domain::one_line(name, 80), domain::one_line(value, 400)))?;
    }
    if deaths.len() > 1 {
        output::print(format!(
            "died      {}, most recently as above",
            numbers::counted(deaths.len() as u64, "time")
        ))?;
        output::print(show_deaths(deaths))?;
    }
    match std::str::from_utf8(&letter.body) {
        Ok("") => output::print("body      none"),
        Ok(text) => output::print(format!("body      {} bytes\n{}", text.len(), text)),
        Err(_) => {
            output::print(format!("body      {} bytes, not text; --json shows them", letter.body.len()))
        }
    }
}

fn show_deaths(deaths: &[Death]) -> comfy_table::Table {
    let rows = deaths.iter().map(|death| {
        vec![
            domain::one_line(replay(death).unwrap_or("none"), 80),
            domain::timestamp::to_text(death.filed_at),
            death.stage.map_or("–", domain::StageName::as_str).to_owned(),
            format!("{}/{}", death.class, domain::one_line(&death.code, 40)),
            death.attempt.to_string(),
            domain::one_line(&death.reason, 80),
        ]
    });
    output::table(&["replay", "filed", "stage", "cause", "attempt", "reason"], &[4], rows)
}

/// The replay in which the message died; `None` when before any.
fn replay(death: &Death) -> Option<&str> {
    Some(death.replay.as_str()).filter(|replay| !replay.is_empty())
}

pub(crate) fn group_json(group: &AlertGroup) -> Value {
    json!({
        "fingerprint": group.fingerprint,
        "state": group.state.as_str(),
        "stage": group.stage.map(domain::StageName::as_str),
        "class": group.class.as_str(),
        "code": group.code,
        "reason": group.reason,
        "first_seen_at": domain::timestamp::to_text(group.first_seen_at),
        "last_seen_at": domain::timestamp::to_text(group.last_seen_at),
        "total": group.total,
        "unsent": group.unsent,
        "mailed_at": group.mailed_at.map(domain::timestamp::to_text),
        "opened_at": domain::timestamp::to_text(group.opened_at),
        "resolved_at": group.resolved_at.map(domain::timestamp::to_text),
        "resolution": group.resolution,
        "episodes": group.episodes,
        "told_at": group.told_at.map(domain::timestamp::to_text),
    })
}

fn summary_json(letter: &LetterSummary) -> Value {
    let headers: Map<_, _> =
        letter.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    json!({
        "id": letter.id.as_str(),
        "group": letter.fingerprint,
        "class": letter.class.as_str(),
        "code": letter.code,
        "reason": letter.reason,
        "stage": letter.stage.map(domain::StageName::as_str),
        "attempt": letter.attempt,
        "first_seen_at": domain::timestamp::to_text(letter.first_seen_at),
        "filed_at": domain::timestamp::to_text(letter.filed_at),
        "headers": headers,
        "body_bytes": letter.body_bytes,
        "deaths": letter.deaths,
    })
}

fn letter_json(filed: &FiledLetter) -> Value {
    let FiledLetter { letter, fingerprint, filed_at, deaths } = filed;
    let headers: Map<_, _> =
        letter.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let mut json = json!({
        "id": letter.id.as_str(),
        "group": fingerprint,
        "class": letter.class.as_str(),
        "code": letter.code,
        "reason": letter.reason,
        "stage": letter.stage.map(domain::StageName::as_str),
        "attempt": letter.attempt,
        "first_seen_at": domain::timestamp::to_text(letter.first_seen_at),
        "filed_at": domain::timestamp::to_text(*filed_at),
        "headers": headers,
        "body_bytes": letter.body.len(),
        "deaths": deaths.iter().map(death_json).collect::<Vec<_>>(),
    });
    // Bytes that are not text are shown in hexadecimal, so that nothing is hidden.
    match std::str::from_utf8(&letter.body) {
        Ok(text) => json["body"] = text.into(),
        Err(_) => json["body_hex"] = hexadecimal(&letter.body).into(),
    }
    json
}

fn death_json(death: &Death) -> Value {
    json!({
        "life": replay(death),
        "group": death.fingerprint,
        "class": death.class.as_str(),
        "code": death.code,
        "reason": death.reason,
        "stage": death.stage.map(domain::StageName::as_str),
        "attempt": death.attempt,
        "first_seen_at": domain::timestamp::to_text(death.first_seen_at),
        "filed_at": domain::timestamp::to_text(death.filed_at),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

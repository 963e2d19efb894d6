//! `coinpipe dead`: the dead letters, for reading.

use anyhow::bail;
use ports::store::{AlertGroup, FiledLetter};
use serde_json::{Map, Value, json};
use service::Process;

use crate::cli::{DeadArgs, DeadCommand};
use crate::output;

pub(crate) async fn run(process: &Process, args: &DeadArgs) -> anyhow::Result<()> {
    let letters = process.look_at_stores().await?.map(|stores| stores.letters);
    match &args.command {
        DeadCommand::Groups(args) => {
            let groups = match &letters {
                Some(letters) => letters.groups(None).await?,
                None => Vec::new(),
            };
            if args.json {
                let groups: Vec<_> = groups.iter().map(group_json).collect();
                return output::print(serde_json::to_string_pretty(&groups)?);
            }
            show_groups(&groups)
        }
        DeadCommand::List { group, limit, json } => {
            let filed = match &letters {
                Some(letters) => letters.letters(group.as_deref(), *limit).await?,
                None => Vec::new(),
            };
            if *json {
                let filed: Vec<_> = filed.iter().map(|filed| letter_json(filed, false)).collect();
                return output::print(serde_json::to_string_pretty(&filed)?);
            }
            show_letters(&filed)
        }
        DeadCommand::Show { id, json } => {
            let filed = match &letters {
                Some(letters) => letters.letter(id).await?,
                None => None,
            };
            match filed {
                None => bail!("there is no dead letter {id:?}; `coinpipe dead list` shows their ids"),
                Some(filed) if *json => {
                    output::print(serde_json::to_string_pretty(&letter_json(&filed, true))?)
                }
                Some(filed) => show_letter(&filed),
            }
        }
    }
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
            format!("{}/{}", group.class, output::plain(&group.code, 40)),
            output::count(group.total),
            domain::timestamp::to_text(group.last_seen_at),
            output::plain(&group.reason, 80),
        ]
    });
    output::print(output::table(
        &["group", "state", "stage", "cause", "letters", "last seen", "reason"],
        &[4],
        rows,
    ))
}

fn show_letters(filed: &[FiledLetter]) -> anyhow::Result<()> {
    if filed.is_empty() {
        output::say("no dead letters");
        return Ok(());
    }
    let rows = filed.iter().map(|FiledLetter { letter, filed_at, .. }| {
        vec![
            output::plain(letter.id.as_str(), 120),
            domain::timestamp::to_text(*filed_at),
            format!("{}/{}", letter.class, output::plain(&letter.code, 40)),
            output::plain(&letter.reason, 80),
        ]
    });
    output::print(output::table(&["letter", "filed", "cause", "reason"], &[], rows))
}

fn show_letter(FiledLetter { letter, fingerprint, filed_at }: &FiledLetter) -> anyhow::Result<()> {
    let stage = letter.stage.map_or("–", domain::StageName::as_str);
    output::print(format!("letter    {}", output::plain(letter.id.as_str(), 255)))?;
    output::print(format!("group     {fingerprint}"))?;
    output::print(format!("cause     {}/{} in {stage}", letter.class, output::plain(&letter.code, 80)))?;
    output::print(format!("reason    {}", output::plain(&letter.reason, 4096)))?;
    output::print(format!("seen      first {}", domain::timestamp::to_text(letter.first_seen_at)))?;
    output::print(format!(
        "filed     {}, attempt {}",
        domain::timestamp::to_text(*filed_at),
        letter.attempt
    ))?;
    for (name, value) in letter.headers.iter() {
        output::print(format!("header    {}: {}", output::plain(name, 80), output::plain(value, 400)))?;
    }
    match std::str::from_utf8(&letter.body) {
        Ok("") => output::print("body      none"),
        Ok(text) => output::print(format!("body      {} bytes\n{}", text.len(), output::plain_lines(text))),
        Err(_) => {
            output::print(format!("body      {} bytes, not text; --json shows them", letter.body.len()))
        }
    }
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
    })
}

fn letter_json(FiledLetter { letter, fingerprint, filed_at }: &FiledLetter, with_body: bool) -> Value {
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
    });
    if with_body {
        // Bytes that are not text are shown in hexadecimal, so that nothing is hidden.
        match std::str::from_utf8(&letter.body) {
            Ok(text) => json["body"] = text.into(),
            Err(_) => json["body_hex"] = hexadecimal(&letter.body).into(),
        }
    }
    json
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

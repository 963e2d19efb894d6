//! `coinpipe dead show`: one letter, with its lives, its headers and its body.

use anyhow::bail;
use clap::Args;
use desk::{Body, body_of, replay_of, shown_name, trace, whole_json};
use domain::timestamp;
use ports::store::{Death, FiledLetter, Handling, LetterState};
use service::Process;

use super::which::NameArgs;
use crate::{numbers, output};

/// Characters of a body that are shown; a page has millions.
const BODY_CHARS: usize = 4000;

/// One letter with its headers and body
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    letter: NameArgs,
    /// Print JSON, with all of the body
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(process: &Process, args: &ShowArgs) -> anyhow::Result<()> {
    let Some(stores) = process.open_stores_read_only().await? else { bail!(args.letter.is_missing()) };
    let (filed, handling) = args.letter.find(&stores).await?;
    if args.json {
        return output::print(serde_json::to_string_pretty(&whole_json(&filed, &handling)?)?);
    }
    show(&filed, &handling)
}

fn show(filed: &FiledLetter, handling: &Handling) -> anyhow::Result<()> {
    let FiledLetter { letter, fingerprint, filed_at, deaths } = filed;
    let stage = letter.stage.map_or("–", domain::StageName::as_str);
    output::print(format!("letter    {}", shown_name(letter.id.as_str())))?;
    output::print(format!("group     {fingerprint}"))?;
    output::print(format!("cause     {}/{} in {stage}", letter.class, domain::one_line(&letter.code, 80)))?;
    output::print(format!("reason    {}", domain::one_line(&letter.reason, 4096)))?;
    output::print(format!("seen      first {}", timestamp::to_text(filed.first_seen_at())))?;
    output::print(format!("filed     {}, attempt {}", timestamp::to_text(*filed_at), letter.attempt))?;
    for line in handled(handling) {
        output::print(line)?;
    }
    if let Some(trace) = trace(&letter.headers) {
        output::print(format!("trace     {}", domain::one_line(trace, 80)))?;
    }
    for (name, value) in letter.headers.iter() {
        output::print(format!("header    {}: {}", domain::one_line(name, 80), domain::one_line(value, 400)))?;
    }
    if deaths.len() > 1 {
        output::print(format!(
            "died      {}, most recently as above",
            numbers::counted(deaths.len() as u64, "time")
        ))?;
        output::print(table_of(deaths))?;
    }
    let bytes = letter.body.len();
    match body_of(letter) {
        Body::Empty => output::print("body      none"),
        Body::Json(text) | Body::Text(text) => {
            output::print(format!("body      {bytes} bytes\n{}", cut(&text)))
        }
        Body::Unreadable => output::print(format!("body      {bytes} bytes, not text; --json shows them")),
    }
}

/// What was done about the letter, in lines.
fn handled(handling: &Handling) -> Vec<String> {
    let mut lines = Vec::new();
    let Handling { state, settled_at, why, replay, replayed_at, edited_from } = handling;
    if *state != LetterState::Open {
        let at = settled_at.map(|at| format!(" on {}", timestamp::to_text(at)));
        let why = why.as_ref().map(|why| format!(": {}", domain::one_line(why, 1000)));
        lines.push(format!("state     {state}{}{}", at.unwrap_or_default(), why.unwrap_or_default()));
    }
    if let (Some(replay), Some(at)) = (replay, replayed_at) {
        lines.push(format!("replayed  last on {}, as {replay}", timestamp::to_text(*at)));
    }
    if let Some(original) = edited_from {
        lines.push(format!("edited    from {}", shown_name(original)));
    }
    lines
}

/// The beginning of a long body.
fn cut(text: &str) -> String {
    let characters = text.chars().count();
    if characters <= BODY_CHARS {
        return text.to_owned();
    }
    let begin: String = text.chars().take(BODY_CHARS).collect();
    let more = numbers::count((characters - BODY_CHARS) as u64);
    format!("{begin}\n… and {more} characters more; --json shows all of them")
}

fn table_of(deaths: &[Death]) -> comfy_table::Table {
    let rows = deaths.iter().map(|death| {
        vec![
            domain::one_line(replay_of(death).unwrap_or("none"), 80),
            timestamp::to_text(death.filed_at),
            death.stage.map_or("–", domain::StageName::as_str).to_owned(),
            format!("{}/{}", death.class, domain::one_line(&death.code, 40)),
            death.attempt.to_string(),
            domain::one_line(&death.reason, 80),
        ]
    });
    output::table(&["replay", "filed", "stage", "cause", "attempt", "reason"], &[4], rows)
}

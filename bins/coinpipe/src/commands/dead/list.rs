//! `coinpipe dead list`: letters, newest first, a page at a time.

use anyhow::anyhow;
use clap::Args;
use desk::{quoted_name, read_name, shown_name, summary_json};
use domain::timestamp;
use ports::store::{DeskLetter, LetterFilter, LetterKey, LetterState};
use service::{Process, Stores, Usage};

use super::which::WhichArgs;
use crate::{adapters, numbers, output};

/// More letters than these are not counted: that would take longer than showing them.
const COUNTED: u64 = 10_000;

/// The newest letters that are open, or that the filters say
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// How many letters, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
    /// Go on after this letter: `FILED_AT/ID`, as the list before says
    #[arg(long, value_name = "KEY", value_parser = key)]
    after: Option<LetterKey>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn key(text: &str) -> Result<LetterKey, String> {
    let parts = text.split_once('/').and_then(|(at, id)| Some((timestamp::from_text(at)?, id)));
    let (filed_at, id) = parts.ok_or("write it as the list before says: FILED_AT/ID")?;
    Ok(LetterKey { filed_at, id: read_name(id) })
}

pub(super) async fn run(process: &Process, args: &ListArgs) -> anyhow::Result<()> {
    let Some(stores) = adapters::open_to_list(process, args.json).await? else { return Ok(()) };
    let filter = args.which.filter(&stores, process.clock.now()).await?;
    let letters = stores.desk.list(&filter, args.after.as_ref(), args.limit).await?;
    if args.json {
        let letters: Vec<_> = letters.iter().map(summary_json).collect();
        return output::print(serde_json::to_string_pretty(&letters)?);
    }
    show(&letters)?;
    if letters.len()
        == usize::try_from(args.limit).map_err(|_| anyhow!(Usage("--limit is too large".to_owned())))?
    {
        say_more(&stores, &filter, &letters).await?;
    }
    Ok(())
}

/// Says how many there are in all, and how to see the next.
async fn say_more(stores: &Stores, filter: &LetterFilter, letters: &[DeskLetter]) -> anyhow::Result<()> {
    let Some(last) = letters.last() else { return Ok(()) };
    let total = stores.desk.count(filter, COUNTED).await?;
    let more = if total == COUNTED { "+" } else { "" };
    let key = format!("{}/{}", timestamp::to_text(last.summary.filed_at), last.summary.id);
    let (letters, key) = (numbers::counted(total, "letter"), quoted_name(&key));
    output::say(format!("{letters}{more} in all; the next: --after {key}"));
    Ok(())
}

fn show(letters: &[DeskLetter]) -> anyhow::Result<()> {
    if letters.is_empty() {
        output::say("no such dead letters");
        return Ok(());
    }
    let rows = letters.iter().map(|DeskLetter { summary, handling }| {
        vec![
            shown_name(summary.id.as_str()),
            timestamp::to_text(summary.filed_at),
            numbers::count(summary.deaths),
            format!("{}/{}", summary.class, domain::one_line(&summary.code, 40)),
            if handling.state == LetterState::Open { String::new() } else { handling.state.to_string() },
            domain::one_line(&summary.reason, 80),
        ]
    });
    let mut table = output::table(&["letter", "filed", "deaths", "cause", "state", "reason"], &[2], rows);
    output::hide_empty(&mut table);
    output::print(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let read = key("2026-11-22T14:00:00.123Z/dead/loader/b/p1").unwrap();
        assert_eq!(read.id, "dead/loader/b/p1");
        assert_eq!(timestamp::to_text(read.filed_at), "2026-11-22T14:00:00.123Z");
        let odd = read.id + "\u{1b}";
        let written = format!("2026-11-22T14:00:00.123Z/{}", shown_name(&odd));
        assert_eq!(key(&written).unwrap().id, odd);
        assert!(key("dead/loader/b/p1").is_err() && key("").is_err());
    }
}

//! `coinpipe batches`: the ledger.

pub(crate) mod drop;

use clap::{Args, Subcommand};
use domain::Verdict;
use ports::Ledger;
use ports::store::{BatchRecord, Dropped};
use service::Process;
use site::{Places, batch_json as to_json};

use crate::adapters::{self, Found};
use crate::batch_state::state;
use crate::ledger_pages::LedgerPages;
use crate::numbers;
use crate::output;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BatchesArgs {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    command: Option<BatchesCommand>,
}

impl BatchesArgs {
    /// What was asked for: without a command, the list.
    pub(crate) fn into_command(self) -> BatchesCommand {
        self.command.unwrap_or(BatchesCommand::List(self.list))
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum BatchesCommand {
    /// Show the batches, as without a command
    #[command(hide = true)]
    List(ListArgs),
    Drop(drop::DropArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only those of which something is missing, with where it is, or that are half dropped
    #[arg(long)]
    incomplete: bool,
    /// How many batches, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
}

pub(crate) async fn run(process: &Process, args: &ListArgs) -> anyhow::Result<()> {
    let found = adapters::find(process).await?;
    let batches = match &found.stores {
        Some(stores) if args.incomplete => incomplete(&*stores.ledger, args.limit as usize).await?,
        Some(stores) => stores.ledger.batches(args.limit).await?,
        None => Vec::new(),
    };
    let places = places(&found, &batches).await?;
    if args.json {
        let batches: Vec<_> = batches.iter().map(|batch| to_json(batch, &places)).collect();
        return output::print(serde_json::to_string_pretty(&batches)?);
    }
    if found.stores.is_none() {
        output::say(adapters::nothing_at(&process.config().store.url));
        return Ok(());
    }
    if batches.is_empty() {
        let are_any = match &found.stores {
            Some(stores) if args.incomplete => !stores.ledger.batches(1).await?.is_empty(),
            _ => false,
        };
        output::say(if are_any { "every batch is complete" } else { "no batches yet" });
        return Ok(());
    }
    output::print(to_table(&batches, output::terminal_width()))?;
    for line in verdicts(&batches) {
        output::say(line);
    }
    for (id, parts) in &places {
        for (part, place) in parts {
            output::say(format!("{id} {part}: {place}"));
        }
    }
    Ok(())
}

/// The newest batches of which something is missing, or that were dropped and are not all out. Only the chunks tell which they are, so
/// all batches may be read.
async fn incomplete(ledger: &dyn Ledger, limit: usize) -> anyhow::Result<Vec<BatchRecord>> {
    let mut batches = Vec::new();
    let mut pages = LedgerPages::of(ledger);
    while batches.len() < limit {
        let records = pages.next().await?;
        if records.is_empty() {
            break;
        }
        let lacks = |batch: &BatchRecord| batch.lacks_coins() && batch.dropped.is_none();
        let wanted = |batch: &BatchRecord| !batch.is_complete() || lacks(batch) || batch.is_half_dropped;
        batches.extend(records.into_iter().filter(wanted));
    }
    batches.truncate(limit);
    Ok(batches)
}

/// Looks for the missing parts of `batches`.
pub(crate) async fn places(found: &Found, batches: &[BatchRecord]) -> anyhow::Result<Places> {
    let Some(stores) = &found.stores else { return Ok(Places::new()) };
    let queue = found.queues.as_ref().map(|queues| &*queues.queue);
    Ok(site::places(&*stores.letters, queue, batches).await?)
}

/// Columns of the table, the least important first, for terminals that are too narrow for all.
const LEAST: [usize; 10] = [10, 7, 8, 9, 1, 3, 6, 2, 5, 4];

/// The batches as a table that fits `width`, if that is known, by leaving columns out.
pub(crate) fn to_table(batches: &[BatchRecord], width: Option<usize>) -> comfy_table::Table {
    let number =
        |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| numbers::count(number.into()));
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| "–".to_owned(), |at| at.format("%m-%d %H:%M:%S").to_string())
    };
    let mut table = output::table(
        &[
            "batch",
            "fetched",
            "loaded",
            "pages",
            "coins",
            "rejected",
            "written",
            "unchanged",
            "stale",
            "credits",
            "replays",
            "state",
        ],
        &[3, 4, 5, 6, 7, 8, 9, 10],
        batches.iter().map(|batch| {
            let mut name = batch.id.to_string();
            if batch.simulated {
                name.push_str(" (simulated)");
            }
            vec![
                name,
                instant(batch.fetched_at),
                instant(batch.loaded_at),
                number(batch.pages),
                numbers::count(batch.coins_in),
                numbers::count(batch.rejected),
                numbers::count(batch.written),
                numbers::count(batch.unchanged),
                numbers::count(batch.stale),
                number(batch.credits),
                numbers::count(batch.replays.into()),
                state(batch),
            ]
        }),
    );
    output::fit(&mut table, width, &LEAST);
    table
}

/// What was found wrong with each of `batches`, and why one was dropped, in words.
pub(crate) fn verdicts(batches: &[BatchRecord]) -> Vec<String> {
    let told = batches.iter().flat_map(|batch| {
        let verdict = batch.verdict.as_ref().map(|Verdict { doubt, why }| {
            format!("{} is {doubt}: {}", batch.id, domain::one_line(why, 1500))
        });
        verdict.into_iter().chain(batch.dropped.as_ref().map(|dropped| told_dropped(batch, dropped)))
    });
    told.collect()
}

/// That `batch` was dropped, in words.
pub(crate) fn told_dropped(batch: &BatchRecord, dropped: &Dropped) -> String {
    let Dropped { at, why } = dropped;
    let (id, at, why) = (&batch.id, domain::timestamp::to_text(*at), domain::one_line(why, 1500));
    let unfinished = if batch.is_half_dropped {
        format!(
            "; it was interrupted, and some of it is in the tables: `coinpipe batches drop {id} --why …` goes on"
        )
    } else {
        String::new()
    };
    format!("{id} was dropped on {at}: {why}{unfinished}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{BatchId, Doubt, Slot};

    use super::*;

    #[test]
    fn a_usual_terminal_has_room_for_what_matters_most() {
        let at = domain::timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let batch = BatchRecord {
            id: BatchId::new(Slot::at(at), "listings", &["USD".to_owned()]),
            slot: Slot::at(at),
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            simulated: true,
            fetched_at: Some(at),
            transformed_at: Some(at),
            loaded_at: Some(at),
            pages: Some(1),
            credits: Some(25),
            verdict: None,
            dropped: None,
            is_half_dropped: false,
            coins_in: 5000,
            rejected: 0,
            written: 5000,
            unchanged: 0,
            stale: 0,
            loads: 1,
            replays: 0,
            page_replays: BTreeMap::new(),
            missing: Vec::new(),
        };
        let wide = to_table(std::slice::from_ref(&batch), None).to_string();
        assert!(wide.contains("unchanged") && wide.contains("fetched"), "{wide}");
        let narrow = to_table(std::slice::from_ref(&batch), Some(80));
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        let narrow = narrow.to_string();
        assert_eq!(verdicts(std::slice::from_ref(&batch)), [""; 0]);
        for shown in ["2026-11-22T14:00:00Z/listings/USD (simulated)", "5,000", "rejected", "complete"] {
            assert!(narrow.contains(shown), "{shown} is not in:\n{narrow}");
        }
        let verdict = Verdict { doubt: Doubt::Incomplete, why: "7 of 200 coins [short_listing]".to_owned() };
        let judged = BatchRecord { verdict: Some(verdict), ..batch };
        assert_eq!(state(&judged), "incomplete");
        let told = "2026-11-22T14:00:00Z/listings/USD is incomplete: 7 of 200 coins [short_listing]";
        assert_eq!(verdicts(std::slice::from_ref(&judged)), [told]);
        let json = to_json(&judged, &Places::new());
        assert_eq!((json["complete"].as_bool(), json["verdict"].as_str()), (Some(false), Some("incomplete")));
        let dropped = BatchRecord {
            verdict: None,
            dropped: Some(Dropped { at, why: "every price\nis wrong".to_owned() }),
            ..judged
        };
        assert_eq!(state(&dropped), "dropped");
        let told =
            "2026-11-22T14:00:00Z/listings/USD was dropped on 2026-11-22T14:00:00.000Z: every price is wrong";
        assert_eq!(verdicts(std::slice::from_ref(&dropped)), [told]);
        let half = BatchRecord { is_half_dropped: true, ..dropped.clone() };
        assert_eq!(state(&half), "half dropped");
        let told = verdicts(std::slice::from_ref(&half)).concat();
        assert!(told.contains("interrupted") && told.contains("batches drop 2026-11-22T14"), "{told}");
        let json = to_json(&dropped, &Places::new());
        assert_eq!(
            (json["complete"].as_bool(), json["dropped_at"].as_str()),
            (Some(false), Some("2026-11-22T14:00:00.000Z"))
        );
    }
}

//! `coinpipe batches drop`: a batch leaves the tables, for good.
//!
//! The history has one row for all batches that had the same quote, which names the newest of them. So what the dropped batch had in
//! common with the one before leaves with it, and comes back when that one is rebuilt from the archive.

mod around;
mod take_out;

use anyhow::bail;
use clap::Args;
use domain::{BatchId, MarketKind, endpoint, timestamp};
use ports::DropPosition;
use ports::store::BatchRecord;
use service::Process;

use crate::adapters::{self, Adapters};
use crate::commands::replay;
use crate::confirm::confirm;
use crate::selection::batch_id;
use crate::{numbers, output};
use around::Around;
use take_out::{TakenOut, take_out};

/// The longest reason that is kept, in characters.
const WHY: usize = 1000;

/// Take a batch out of the tables: `quotes_latest` falls back to what is newest without it, and no replay brings it back
/// unless it is asked to. The batch stays on record. The same command goes on where it was interrupted.
#[derive(Args, Debug)]
pub(crate) struct DropArgs {
    /// The batch, by its id as `batches` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Why, for the record. A batch that was dropped before keeps the reason that it has
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    why: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it is empty".to_owned()),
        1..=WHY => Ok(text.to_owned()),
        _ => Err(format!("it has more than {} characters", numbers::count(WHY as u64))),
    }
}

pub(crate) async fn run(process: &Process, args: &DropArgs) -> anyhow::Result<()> {
    let id = batch_id(&args.id)?;
    if args.dry_run {
        let Some(stores) = process.open_stores_read_only().await? else {
            bail!(adapters::nothing_at(&process.config().store.url))
        };
        let around = process.unless_stopped(Around::of(&id, &stores)).await?;
        return describe(&around, &args.why);
    }
    let (adapters, around) = process
        .unless_stopped(async {
            let adapters = adapters::open_existing(process).await?;
            let around = Around::of(&id, &adapters.stores).await?;
            Ok((adapters, around))
        })
        .await?;
    describe(&around, &args.why)?;
    if !args.yes && !confirm(process, "Take it out?").await? {
        bail!("nothing was changed");
    }
    drop_it(process, &adapters, &around, &args.why).await
}

/// Takes out what is left in the tables of a batch that was dropped, wherever it is, and rebuilds those around it; `false` when asked to
/// stop before the end.
pub(crate) async fn finish(process: &Process, adapters: &Adapters, id: &BatchId) -> anyhow::Result<bool> {
    let around = Around::of(id, &adapters.stores).await?;
    let Some(dropped) = &around.batch.dropped else { bail!("{id} is not dropped any more") };
    // What the ledger does not know of may be anywhere.
    let anywhere = [DropPosition::START, DropPosition::Anywhere(None)];
    let positions = if around.batch.is_half_dropped { &anywhere[..1] } else { &anywhere };
    let neighbours = around.neighbours();
    if take_out(process, adapters, &around, &dropped.why, positions).await?.is_none() {
        return Ok(false);
    }
    Ok(neighbours.is_empty()
        || Box::pin(replay::again(process, adapters, &neighbours, true)).await?.is_some())
}

/// Says what is about to be done, and what it means.
fn describe(around: &Around, why: &str) -> anyhow::Result<()> {
    let BatchRecord { id, endpoint, coins_in, rejected, dropped, is_half_dropped, .. } = &around.batch;
    if let Some(dropped) = dropped {
        let (at, held) = (timestamp::to_text(dropped.at), domain::one_line(&dropped.why, 300));
        output::print(format!("{id} was dropped on {at}: {held}"))?;
        if dropped.why != why {
            output::print("reason    the one on record stays; this --why is not kept")?;
        }
    }
    let rows = coins_in.saturating_sub(*rejected);
    let kind = MarketKind::of_endpoint(endpoint);
    let goes = match kind {
        _ if dropped.is_some() && !is_half_dropped => {
            "all of it is out, as the ledger says; whatever is found all the same is taken out".to_owned()
        }
        Some(kind) => {
            let table = kind.description().table;
            format!("its rows leave {table}, which had {} of it when it was loaded", numbers::count(rows))
        }
        None => {
            let thing = if [endpoint::LISTINGS, endpoint::QUOTES].contains(&endpoint.as_str()) {
                "coin"
            } else {
                "row"
            };
            format!("the quotes of {} leave the history and quotes_latest", numbers::counted(rows, thing))
        }
    };
    output::print(format!("drop      {id}: {goes}"))?;
    output::print(format!("back      {}", way_back(id, endpoint)))?;
    for (place, others) in [("before", &around.before), ("after", &around.after)] {
        for other in others {
            output::print(format!(
                "rebuild   {}, {place} it, from the archive if it is there: for what both had",
                other.id
            ))?;
        }
    }
    Ok(())
}

/// How the batch comes into the tables again, in words.
fn way_back(id: &BatchId, endpoint: &str) -> String {
    if endpoint.starts_with(endpoint::IMPORTED) {
        return "there is none: what was imported is in no archive, so no replay brings it back; the table can be imported once more, \
                as another batch"
            .to_owned();
    }
    format!("`coinpipe replay --batch {id} --even-dropped`, for as long as the archive has its pages")
}

/// What left the tables, in words.
fn told(id: &BatchId, out: &TakenOut) -> String {
    if let Some(kind) = MarketKind::of_endpoint(id.endpoint()) {
        let rows = numbers::counted(out.rows, "row");
        return format!("Dropped   {id}: {rows} of {} went, or fell back", kind.description().table);
    }
    format!(
        "Dropped   {id}: {} left the history; of quotes_latest {} fell back to an older quote, and {} {} gone, with {} that it alone had",
        numbers::counted(out.quotes, "quote"),
        numbers::count(out.fell_back),
        numbers::count(out.latest - out.fell_back),
        if out.latest - out.fell_back == 1 { "is" } else { "are" },
        numbers::counted(out.coins, "coin"),
    )
}

async fn drop_it(process: &Process, adapters: &Adapters, around: &Around, why: &str) -> anyhow::Result<()> {
    let id = &around.batch.id;
    let Some(out) = take_out(process, adapters, around, why, &[DropPosition::START]).await? else {
        output::say(
            "stopped; nothing of it will be loaded any more, and the same command takes out the rest",
        );
        return Ok(());
    };
    output::print(told(id, &out))?;
    // Who was interrupted may have taken all of it out, and rebuilt nothing.
    if out.is_nothing() && around.batch.dropped.is_none() {
        return Ok(());
    }
    let neighbours = around.neighbours();
    if neighbours.is_empty() {
        return Ok(());
    }
    let Some(rebuilt) = Box::pin(replay::again(process, adapters, &neighbours, true)).await? else {
        let rest: Vec<_> =
            neighbours.iter().map(|id| format!("`coinpipe replay --batch {id} --rebuild`")).collect();
        output::say(format!(
            "stopped; what it had in common with others comes back with {}",
            rest.join(", ")
        ));
        return Ok(());
    };
    for id in &rebuilt {
        output::print(format!("Rebuilt   {id}"))?;
    }
    if out.shared > 0 {
        let quotes = numbers::counted(out.shared, "quote");
        let lost: Vec<_> = around.before.iter().filter(|before| !rebuilt.contains(&before.id)).collect();
        let back = match lost.first() {
            None => "those that were in the ones named above are back".to_owned(),
            Some(first) => {
                format!("the archive does not have {}, so those that it alone had are gone", first.id)
            }
        };
        output::say(format!("warning: {quotes} may have been in earlier snapshots, too; {back}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        assert_eq!(reason(" every price is wrong\n"), Ok("every price is wrong".to_owned()));
        assert!(reason("").is_err() && reason(" \t\n").is_err() && reason(&"é".repeat(WHY + 1)).is_err());
        assert!(reason(&"é".repeat(WHY)).is_ok());
    }

    #[test]
    fn what_went_is_told_apart_from_what_fell_back() {
        let id = BatchId::from_stored("2026-11-22T02:00:00Z/listings/USD");
        let out = TakenOut { latest: 3, fell_back: 2, coins: 1, quotes: 3, shared: 0, rows: 0 };
        assert_eq!(
            told(&id, &out),
            "Dropped   2026-11-22T02:00:00Z/listings/USD: 3 quotes left the history; of quotes_latest 2 fell back to an older quote, \
             and 1 is gone, with 1 coin that it alone had"
        );
    }

    #[test]
    fn what_no_replay_brings_back_is_said_before() {
        let id = BatchId::from_stored("2026-11-22T02:00:00Z/legacy-coins/USD");
        assert!(way_back(&id, id.endpoint()).contains("no archive"));
        let id = BatchId::from_stored("2026-11-22T02:00:00Z/cmc100/-");
        assert!(way_back(&id, id.endpoint()).contains("--even-dropped"));
    }
}

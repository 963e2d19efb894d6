//! `coinpipe batches drop`: a batch leaves the tables, for good.
//!
//! The history has one row for all batches that had the same quote, which names the newest of them. So what the dropped batch had in
//! common with the one before leaves with it, and comes back when that one is rebuilt from the archive.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use domain::{BatchId, timestamp};
use indicatif::ProgressBar;
use ports::DropPosition;
use ports::store::BatchRecord;
use service::{Process, Stores, Usage};

use crate::adapters::{self, Adapters};
use crate::commands::replay;
use crate::confirm::confirm;
use crate::selection::batch_id;
use crate::{numbers, output};

/// The longest reason that is kept, in characters.
const WHY: usize = 1000;

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Take a batch out of the tables: `quotes_latest` falls back to what is newest without it, and no replay brings it back
/// unless it is asked to. The batch stays on record.
#[derive(Args, Debug)]
pub(crate) struct DropArgs {
    /// The batch, by its id as `batches` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// Batches of a series that are rebuilt at most, of those before.
const MOST_BEFORE: usize = 10;

/// The batch, and those that may have quotes in common with it, which are one row: in a currency of its own, fetched before and after it.
struct Around<'a> {
    batch: &'a BatchRecord,
    /// The newest first.
    before: Vec<&'a BatchRecord>,
    /// The oldest first.
    after: Vec<&'a BatchRecord>,
}

/// What left the tables.
#[derive(Default)]
struct TakenOut {
    latest: u64,
    coins: u64,
    quotes: Vec<DateTime<Utc>>,
}

pub(crate) async fn run(process: &Process, args: &DropArgs) -> anyhow::Result<()> {
    let id = batch_id(&args.id)?;
    if args.why.chars().count() > WHY {
        return Err(Usage(format!("--why has more than {} characters", numbers::count(WHY as u64))).into());
    }
    if args.dry_run {
        let Some(stores) = process.open_stores_read_only().await? else {
            bail!(adapters::nothing_at(&process.config().store.url))
        };
        let records = process.unless_stopped(records(&stores)).await?;
        return describe(&Around::of(&id, &records)?);
    }
    let (adapters, records) = process
        .unless_stopped(async {
            let adapters = adapters::open_existing(process).await?;
            let records = records(&adapters.stores).await?;
            Ok((adapters, records))
        })
        .await?;
    let around = Around::of(&id, &records)?;
    describe(&around)?;
    if !args.yes && !confirm(process, "Take it out?").await? {
        bail!("nothing was changed");
    }
    drop_it(process, &adapters, &around, &args.why).await
}

async fn records(stores: &Stores) -> anyhow::Result<Vec<BatchRecord>> {
    Ok(stores.ledger.batches(u32::MAX).await?)
}

impl<'a> Around<'a> {
    /// Of the batch `id` among `records`, which are all there are.
    fn of(id: &BatchId, records: &'a [BatchRecord]) -> anyhow::Result<Self> {
        let Some(batch) = records.iter().find(|record| record.id == *id) else {
            bail!("there is no batch {id}{}", nearest(id, records));
        };
        let shares = |record: &&BatchRecord| {
            record.id != batch.id
                && record.dropped.is_none()
                && record.coins_in > 0
                && record.convert.iter().any(|currency| batch.convert.contains(currency))
        };
        let at = fetched_at(batch);
        let (mut before, mut after): (Vec<_>, Vec<_>) =
            records.iter().filter(shares).partition(|record| fetched_at(record) < at);
        before.sort_by_key(|record| Reverse(fetched_at(record)));
        after.sort_by_key(|record| fetched_at(record));
        Ok(Self {
            batch,
            before: nearest_of_each(before, batch.coins_in, MOST_BEFORE),
            after: nearest_of_each(after, batch.coins_in, 1),
        })
    }

    /// Those that are rebuilt.
    fn neighbours(&self) -> Vec<BatchId> {
        self.before.iter().chain(&self.after).map(|record| record.id.clone()).collect()
    }
}

/// Of each series of `records` (an endpoint in some currencies) the first ones, up to one that had about as many `coins`: a smaller one
/// cannot bring back what a larger one before it had.
fn nearest_of_each(records: Vec<&BatchRecord>, coins: u64, at_most: usize) -> Vec<&BatchRecord> {
    let mut taken: BTreeMap<(&str, &[String]), usize> = BTreeMap::new();
    let mut near = Vec::new();
    for record in records {
        let taken = taken.entry((&record.endpoint, &record.convert)).or_default();
        if *taken < at_most {
            near.push(record);
        }
        *taken += if record.coins_in >= coins - coins / 10 { at_most } else { 1 };
    }
    near
}

/// When its last page arrived, or at the earliest could have.
fn fetched_at(record: &BatchRecord) -> DateTime<Utc> {
    record.fetched_at.unwrap_or(record.slot.starts_at())
}

/// The batches of the slots nearest to that of `id`, in words.
fn nearest(id: &BatchId, records: &[BatchRecord]) -> String {
    let slot = id.as_str().split('/').next().and_then(timestamp::from_text).unwrap_or_default();
    let mut records: Vec<_> = records.iter().collect();
    records.sort_by_key(|record| (record.slot.starts_at() - slot).abs());
    let ids: Vec<_> = records.iter().take(3).map(|record| record.id.as_str()).collect();
    if ids.is_empty() { String::new() } else { format!("; the nearest: {}", ids.join(", ")) }
}

/// Says what is about to be done.
fn describe(around: &Around<'_>) -> anyhow::Result<()> {
    let BatchRecord { id, coins_in, rejected, dropped, .. } = around.batch;
    if let Some(dropped) = dropped {
        let (at, why) = (timestamp::to_text(dropped.at), domain::one_line(&dropped.why, 300));
        output::print(format!("{id} was dropped on {at}: {why}"))?;
    }
    let coins = numbers::counted(coins_in.saturating_sub(*rejected), "coin");
    output::print(format!("drop      {id}: the quotes of {coins} leave the history and quotes_latest"))?;
    for (place, records) in [("before", &around.before), ("after", &around.after)] {
        for record in records {
            output::print(format!(
                "rebuild   {}, {place} it, from the archive if it is there: for what both had",
                record.id
            ))?;
        }
    }
    Ok(())
}

async fn drop_it(
    process: &Process,
    adapters: &Adapters,
    around: &Around<'_>,
    why: &str,
) -> anyhow::Result<()> {
    let id = &around.batch.id;
    let Some(out) = take_out(process, adapters, id, why).await? else {
        output::say(
            "stopped; nothing of it will be loaded any more, and the same command takes out the rest",
        );
        return Ok(());
    };
    output::print(format!(
        "Dropped   {id}: {} left the history, {} of quotes_latest fell back, {} that it alone had {} gone",
        numbers::counted(out.quotes.len() as u64, "quote"),
        numbers::count(out.latest),
        numbers::counted(out.coins, "coin"),
        if out.coins == 1 { "is" } else { "are" },
    ))?;
    if out.quotes.is_empty() && out.latest == 0 {
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
    // A quote that changed after the fetch before cannot have been in it.
    let Some(newest) = around.before.iter().map(|before| fetched_at(before)).max() else { return Ok(()) };
    let shared = out.quotes.iter().filter(|last_updated| **last_updated <= newest).count() as u64;
    if shared > 0 {
        let quotes = numbers::counted(shared, "quote");
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

/// Takes the batch out; `None` when asked to stop before the end.
async fn take_out(
    process: &Process,
    adapters: &Adapters,
    id: &BatchId,
    why: &str,
) -> anyhow::Result<Option<TakenOut>> {
    let (stop, drops) = (process.shutdown.soft(), &adapters.stores.drops);
    if drops.mark_dropped(id, why).await?.is_none() {
        bail!("there is no batch {id} any more");
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(TICK);
    let mut out = TakenOut::default();
    let mut next = Some(DropPosition::START);
    while let Some(at) = next {
        if stop.is_cancelled() {
            bar.finish_and_clear();
            return Ok(None);
        }
        let portion = drops.drop_portion(id, at).await?;
        out.latest += portion.latest;
        out.coins += portion.coins;
        out.quotes.extend(portion.quotes);
        next = portion.next;
        bar.set_message(format!(
            "{} of quotes_latest and {} of the history are out",
            numbers::count(out.latest),
            numbers::count(out.quotes.len() as u64)
        ));
    }
    bar.finish_and_clear();
    Ok(Some(out))
}

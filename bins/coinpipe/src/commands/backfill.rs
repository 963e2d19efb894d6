//! `coinpipe backfill`: gaps are filled from the API's history, which costs credits.
//!
//! It looks into the ledger which slots are missing, says what they cost, asks, and sends what it fetched through the pipeline like
//! anything else. What was fetched live is not overwritten. It has a spool of its own, so that it works beside a running fetcher.

mod arrivals;
mod consent;
mod filling;
mod gap;
mod plan;
mod progress;
mod span;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use config::Source;
use fetcher::{Backfiller, ChosenSource, OnceFailure};
use service::{Process, Usage};

use super::replay::beside_workers;
use crate::adapters;
use crate::confirm::confirm;
use crate::when::{When, ZoneArgs};
use crate::{data_kind, numbers, output};
use filling::{Ended, fill};
use plan::Plan;
use progress::Progress;

/// Fills slots that nobody fetched with what the API tells of the past: hours of the coins of the newest snapshot, or the market
/// at the end of days. Says what that costs, and asks. What is there stays as it is. Stopped, the same command goes on.
#[derive(Args, Debug)]
pub(crate) struct BackfillArgs {
    /// Slots from this instant or day on (2026-11-22T14:00:00Z or 2026-11-22, UTC; or see --time-zone)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    from: When,
    /// Slots before this instant or day; without it, before the newest snapshot
    #[arg(long, value_name = "T", value_parser = When::parse)]
    to: Option<When>,
    #[command(flatten)]
    zone: ZoneArgs,
    /// Hours of these coins of the newest snapshot, by their ids; without it, of all
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = id)]
    ids: Vec<u32>,
    /// What is missing: the hours that the schedule has, or one market a day
    #[arg(long, value_enum, default_value_t = Interval::Hourly)]
    interval: Interval,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would be filled and what that costs, and fill nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not finish what an earlier backfill began: what it paid for is loaded and called incomplete
    #[arg(long, conflicts_with = "dry_run")]
    abandon: bool,
}

/// What somebody does who wrote blanks after the commas is clear.
fn id(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.trim().parse()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Interval {
    /// Hours: price, volume, market cap and supplies. 100 coins cost a credit an hour
    Hourly,
    /// The market at the end of each day, with ranks. 100 coins cost a credit a day
    Daily,
}

impl BackfillArgs {
    /// From when to when, if that is said.
    fn span(&self) -> Result<(DateTime<Utc>, Option<DateTime<Utc>>), Usage> {
        let to = self.to.as_ref().map(|to| to.instant(self.zone)).transpose()?;
        Ok((self.from.instant(self.zone)?, to))
    }
}

pub(crate) async fn run(process: &Process, args: &BackfillArgs) -> anyhow::Result<()> {
    let fetch = &process.config().fetch;
    if args.interval == Interval::Daily && !args.ids.is_empty() {
        return Err(
            Usage("--ids goes with hours: days are listings, best ranked coins first".to_owned()).into()
        );
    }
    if fetch.source == Source::Keyless {
        let keyless =
            "without a key CoinMarketCap tells nothing of the past; unset fetch.source, and set CMC_API_KEY";
        return Err(Usage(keyless.to_owned()).into());
    }
    // Before anything is asked.
    args.span()?;
    if args.dry_run {
        return process.unless_stopped(look(process, args)).await;
    }
    let source = fetcher::choose_source(fetch, process.clock.clone()).await?;
    fetcher::check_settings(process, &source)?;
    alerter::check_settings(process)?;
    let opening = async {
        let adapters = adapters::open_existing(process).await?;
        data_kind::refuse_other(process, &source, &adapters.stores).await?;
        Ok::<_, anyhow::Error>(adapters)
    };
    let adapters = process.unless_stopped(opening).await?;
    let mut backfiller = fetcher::for_backfill(process, &adapters.queues, &source)?;
    if args.abandon {
        abandon(process, &backfiller, args.yes).await?;
    }
    let gap = process.unless_stopped(gap::find(process, args, &adapters.stores)).await?;
    let Some(plan) = resume(process, &backfiller, gap).await? else { return Ok(()) };
    backfiller.let_in(adapters.stores.drops.clone(), plan.dropped.clone());
    if !plan.jobs.is_empty() {
        let price = plan.price(&backfiller).await?;
        let what = plan.in_words(price);
        let minute_limit = consent::ask(process, &source, &what, price, args.yes).await?;
        if let Some(minute_limit) = minute_limit {
            backfiller.leave_room(minute_limit);
        }
    }
    let progress = Progress::start(plan.slots());
    let filling = Box::pin(fill(process, &adapters, &backfiller, &plan, &progress));
    let ended = Box::pin(beside_workers(process, &adapters, filling)).await;
    progress.clear();
    tell(ended?)
}

/// How it ended. An error when something of it is not there.
fn tell(ended: Ended) -> anyhow::Result<()> {
    let Ended { slots, quotes, credits, taken, incomplete, rejected } = ended;
    if taken > 0 {
        output::say(format!("left out  {}: the fetcher fills them", numbers::counted(taken, "slot")));
    }
    output::print(format!(
        "Filled {} with {}, for {}",
        numbers::counted(slots, "slot"),
        numbers::counted(quotes, "quote"),
        numbers::counted(credits, "credit"),
    ))?;
    let mut troubles = Vec::new();
    if let Some((batch, why)) = incomplete.first() {
        let slots = numbers::counted(incomplete.len() as u64, "slot");
        troubles.push(format!(
            "incomplete: {slots}, the first is {batch}: {why}; the same command asks for them again"
        ));
    }
    if rejected > 0 {
        let coins = numbers::counted(rejected, "coin");
        troubles.push(format!("rejected: {coins}; `coinpipe dead list` says why"));
    }
    if troubles.is_empty() { Ok(()) } else { bail!(troubles.join("\n")) }
}

/// Says what would be filled. Makes and changes nothing.
async fn look(process: &Process, args: &BackfillArgs) -> anyhow::Result<()> {
    let found = adapters::find(process).await?;
    let Some(stores) = found.stores else { bail!(adapters::nothing_at(&process.config().store.url)) };
    let gap = gap::find(process, args, &stores).await?;
    let there = gap.there;
    let came = gap.came();
    let mut plan = Plan::of(gap);
    let spool = fetcher::backfill_spool(process);
    let begun = fetcher::begun_in(&spool);
    if !begun.is_empty() {
        output::say(format!(
            "begun     {} by an earlier backfill: the next one finishes them first, or --abandon gives them up",
            numbers::counted(begun.len() as u64, "slot")
        ));
    }
    let mut taken = fetcher::taken_in(&process.config().fetch.spool, &came);
    taken.extend(fetcher::taken_in(&spool, &came));
    plan.leave_out(&process.config().fetch.convert, &taken);
    if plan.jobs.is_empty() {
        return output::print(nothing_missing(there));
    }
    let price = plan.price_by_settings(&process.config().fetch);
    output::print(format!("Would fill {}", plan.in_words(price)))
}

/// Gives up what was begun, when somebody says so who knows what that costs.
async fn abandon(process: &Process, backfiller: &Backfiller, yes: bool) -> anyhow::Result<()> {
    let begun = backfiller.begun().await?;
    let slots = begun.parts.iter().map(|(_, slots)| slots.len()).sum::<usize>() + begun.others.len();
    let question = format!(
        "Give up {} that were begun? What came of them is loaded as incomplete, and all of them costs its credits again.",
        numbers::counted(slots as u64, "slot")
    );
    if slots > 0 && !yes && !confirm(process, &question).await? {
        bail!("nothing was changed");
    }
    let slots = backfiller.abandon().await?;
    if slots > 0 {
        let slots = numbers::counted(slots as u64, "slot");
        output::say(format!("given up  {slots} that were begun; what came of them is loaded as incomplete"));
    }
    Ok(())
}

/// Goes on with what an earlier run left, and takes out of `gap` what was paid for. What is to be filled, what was begun first; `None`
/// when there is nothing, which it says.
async fn resume(process: &Process, backfiller: &Backfiller, gap: gap::Gap) -> anyhow::Result<Option<Plan>> {
    let stop = process.shutdown.soft();
    let convert = &process.config().fetch.convert;
    backfiller.forget_paid(&gap.came()).await?;
    let progress = Progress::start(0);
    let resumed = backfiller.resume(&progress, &stop).await;
    progress.clear();
    let paid = match resumed {
        Err(OnceFailure::Stopped) => bail!(STOPPED),
        resumed => resumed?,
    };
    let begun = backfiller.begun().await?;
    if let Some(first) = begun.others.first() {
        bail!(
            "a backfill of {} is half done, and was asked for with other settings (fetch.convert, fetch.limit, fetch.page_size or the \
             API's address): {first}; finish it with those, or give it up with --abandon",
            numbers::counted(begun.others.len() as u64, "slot")
        );
    }
    let there = gap.there;
    let mut plan = Plan::of(gap);
    plan.begin_with(begun, convert);
    let coming = plan.leave_out(convert, &paid);
    let beside = plan.leave_out(convert, &backfiller.taken_beside());
    if !coming.is_empty() {
        output::say(format!(
            "{} of these slots were fetched before, and are on their way to the tables",
            numbers::count(coming.len() as u64)
        ));
    }
    if !beside.is_empty() {
        output::say(format!(
            "{} of these slots are filled by the fetcher; `coinpipe status` shows what waits",
            numbers::count(beside.len() as u64)
        ));
    }
    if plan.jobs.is_empty() && coming.is_empty() {
        output::print(nothing_missing(there))?;
        return Ok(None);
    }
    plan.coming = coming;
    Ok(Some(plan))
}

const STOPPED: &str =
    "stopped; what was fetched is kept, and the same command goes on without paying for it again";

fn nothing_missing(there: usize) -> String {
    let verb = if there == 1 { "is" } else { "are" };
    format!("Nothing to fill: {} of this span {verb} there", numbers::counted(there as u64, "slot"))
}

/// For the texts of `consent`.
fn source_name(source: &ChosenSource) -> &str {
    if source.simulator.is_some() { "the built-in simulator" } else { &source.base_url }
}

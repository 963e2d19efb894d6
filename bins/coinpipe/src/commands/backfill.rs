//! `coinpipe backfill`: gaps are filled from the API's history, which costs credits.
//!
//! It looks into the ledger which slots are missing, says what they cost, asks, and sends what it fetched through the pipeline like
//! anything else. What was fetched live is not overwritten. It has a spool of its own, so that it works beside a running fetcher.

mod arrivals;
mod consent;
mod progress;
mod span;

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use config::Source;
use domain::{BatchId, Slot, endpoint};
use fetcher::{Backfiller, ChosenSource, Filled, KnownCoin, OnceFailure, Past, Price};
use ports::Ledger;
use ports::store::{BatchRecord, ListedCoin};
use service::{Process, Stores, Usage};

use super::replay::beside_workers;
use super::transit::Wait;
use crate::adapters::{self, Adapters};
use crate::when::{When, ZoneArgs};
use crate::{data_kind, numbers, output};
use arrivals::Arrivals;
use progress::Progress;
use span::Span;

/// So many batches are looked up in one statement.
const LOOKED_UP: usize = 100;

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
    #[arg(long, value_name = "ID", value_delimiter = ',')]
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

/// What is to be filled.
struct Gap {
    past: Past,
    /// The slots that the tables know nothing of.
    slots: BTreeSet<Slot>,
    /// Those that they know of.
    there: usize,
    /// Batches of the past that they know.
    known: BTreeSet<BatchId>,
    /// What was paid for before, and is on its way to them.
    coming: Vec<BatchId>,
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
    let backfiller = fetcher::for_backfill(process, &adapters.queues, &source)?;
    let begun = backfiller.begun_coins().await?;
    let gap = process.unless_stopped(gap(process, args, &adapters.stores, begun)).await?;
    let Some((gap, price)) = resume(process, args, &backfiller, gap).await? else { return Ok(()) };
    if !gap.slots.is_empty() {
        let minute_limit = consent::ask(process, &source, &in_words(&gap, price), price, args.yes).await?;
        minute_limit.into_iter().for_each(|limit| backfiller.leave_room(limit));
    }
    let progress = Progress::start(gap.slots.len() as u64);
    let filling = Box::pin(fill(process, &adapters, &backfiller, &gap, &progress));
    let ended = Box::pin(beside_workers(process, &adapters, filling)).await;
    progress.clear();
    match ended? {
        Ended::Filled { slots, quotes, credits, taken } => {
            if taken > 0 {
                output::say(format!("left out  {}: the fetcher fills them", numbers::counted(taken, "slot")));
            }
            output::print(format!(
                "Filled {} with {}, for {}",
                numbers::counted(slots, "slot"),
                numbers::counted(quotes, "quote"),
                numbers::counted(credits, "credit"),
            ))
        }
        Ended::Stopped => {
            output::say(
                "stopped; what was fetched is kept, and the same command goes on without paying for it again",
            );
            Ok(())
        }
    }
}

/// Says what would be filled. Makes and changes nothing.
async fn look(process: &Process, args: &BackfillArgs) -> anyhow::Result<()> {
    let found = adapters::find(process).await?;
    let Some(stores) = found.stores else { bail!(adapters::nothing_at(&process.config().store.url)) };
    let Gap { past, mut slots, there, .. } = gap(process, args, &stores, None).await?;
    let mut paid = fetcher::paid_for(&fetcher::backfill_spool(process));
    paid.extend(fetcher::taken_in(&process.config().fetch.spool));
    let convert = &process.config().fetch.convert;
    slots.retain(|slot| !paid.contains(&BatchId::new(*slot, endpoint::HISTORY, convert)));
    if slots.is_empty() {
        return output::print(nothing_missing(there));
    }
    let price = fetcher::price_of_past(&past, &slots, &process.config().fetch);
    let gap = Gap { past, slots, there, known: BTreeSet::new(), coming: Vec::new() };
    output::print(format!("Would fill {}", in_words(&gap, price)))
}

/// What the tables lack, of the coins that were `begun` with unless others are named.
async fn gap(
    process: &Process,
    args: &BackfillArgs,
    stores: &Stores,
    begun: Option<Vec<KnownCoin>>,
) -> anyhow::Result<Gap> {
    let fetch = &process.config().fetch;
    let currency = fetch.convert.first().map_or("USD", String::as_str);
    let listed = stores.quotes.listed(currency).await?;
    let newest = listed.iter().map(|coin| coin.fetched_at).min().with_context(|| {
        format!("there is no snapshot in {currency} before which gaps could be filled; `coinpipe --once` takes one")
    })?;
    let (from, to) = args.span()?;
    let span = Span::new(from, to, newest, process.clock.now())?;
    let (past, wanted) = match args.interval {
        Interval::Daily => (Past::Days, span.days()),
        Interval::Hourly => (Past::Hours(coins(&listed, &args.ids, begun)?), span.hours(fetch.every)),
    };
    let of = |name| wanted.iter().map(move |slot| (BatchId::new(*slot, name, &fetch.convert), *slot));
    let ids: Vec<_> =
        of(endpoint::LISTINGS).chain(of(endpoint::QUOTES)).chain(of(endpoint::HISTORY)).collect();
    let known = known(&*stores.ledger, ids.iter().map(|(id, _)| id.clone()).collect()).await?;
    let there: BTreeSet<_> =
        ids.into_iter().filter(|(id, _)| known.contains(id)).map(|(_, slot)| slot).collect();
    let slots = wanted.difference(&there).copied().collect();
    Ok(Gap { past, slots, there: there.len(), known, coming: Vec::new() })
}

/// Those of `ids` that the ledger knows. A snapshot that was dropped leaves a gap; what filled one and was dropped would not be
/// loaded again under its name.
async fn known(ledger: &dyn Ledger, ids: Vec<BatchId>) -> anyhow::Result<BTreeSet<BatchId>> {
    let mut known = BTreeSet::new();
    for part in ids.chunks(LOOKED_UP) {
        let is_there = |batch: &BatchRecord| batch.dropped.is_none() || batch.endpoint == endpoint::HISTORY;
        known.extend(ledger.batches_of(part).await?.into_iter().filter(is_there).map(|batch| batch.id));
    }
    Ok(known)
}

/// The coins that are asked for. Only of the newest snapshot's it is known what they are.
fn coins(
    listed: &[ListedCoin],
    ids: &[u32],
    begun: Option<Vec<KnownCoin>>,
) -> anyhow::Result<Vec<KnownCoin>> {
    let ids: BTreeSet<u32> = ids.iter().copied().collect();
    if let Some(begun) = begun
        && (ids.is_empty() || begun.iter().map(|coin| coin.id).eq(ids.iter().copied()))
    {
        return Ok(begun);
    }
    let unknown: Vec<_> =
        ids.iter().filter(|id| listed.iter().all(|coin| coin.id != **id)).map(ToString::to_string).collect();
    ensure!(
        unknown.is_empty(),
        "not in the newest snapshot, so their slug is not known: {}",
        unknown.join(", ")
    );
    let wanted = listed.iter().filter(|coin| ids.is_empty() || ids.contains(&coin.id));
    let coins: BTreeSet<_> = wanted.map(|coin| KnownCoin { id: coin.id, slug: coin.slug.clone() }).collect();
    Ok(coins.into_iter().collect())
}

/// Goes on with what an earlier run left, and takes out of `gap` what was paid for. What is left to be filled, and what it costs;
/// `None` when there is nothing, which it says.
async fn resume(
    process: &Process,
    args: &BackfillArgs,
    backfiller: &Backfiller,
    mut gap: Gap,
) -> anyhow::Result<Option<(Gap, Price)>> {
    let stop = process.shutdown.soft();
    backfiller.forget_paid(&gap.known).await?;
    let progress = Progress::start(0);
    let resumed = backfiller.resume(&gap.past, &progress, &stop).await;
    progress.clear();
    let (begun, paid) = match resumed {
        Err(OnceFailure::Stopped) => return Ok(None),
        resumed => resumed?,
    };
    let convert = &process.config().fetch.convert;
    let batch = |slot: &Slot| BatchId::new(*slot, endpoint::HISTORY, convert);
    let taken = backfiller.taken_beside();
    let is_paid = |slot: &&Slot| paid.contains(&batch(slot)) && !begun.contains(slot);
    let is_taken = |slot: &&Slot| taken.contains(&batch(slot)) && !paid.contains(&batch(slot));
    gap.coming = gap.slots.iter().filter(is_paid).map(batch).collect();
    let beside = gap.slots.iter().filter(is_taken).count();
    gap.slots.retain(|slot| begun.contains(slot) || !(is_paid(&slot) || is_taken(&slot)));
    // Those that were begun outside of this span are finished with it: a part of them is paid for.
    let (from, _) = args.span()?;
    gap.slots.extend(begun.iter().filter(|slot| slot.starts_at() >= from));
    if !gap.coming.is_empty() {
        output::say(format!(
            "{} of these slots were fetched before, and are on their way to the tables",
            numbers::count(gap.coming.len() as u64)
        ));
    }
    if beside > 0 {
        output::say(format!(
            "{} of these slots are filled by the fetcher; `coinpipe status` shows what waits",
            numbers::count(beside as u64)
        ));
    }
    if gap.slots.is_empty() && gap.coming.is_empty() {
        output::print(nothing_missing(gap.there))?;
        return Ok(None);
    }
    let price = backfiller.price(&gap.past, &gap.slots).await?;
    Ok(Some((gap, price)))
}

fn nothing_missing(there: usize) -> String {
    format!("Nothing to fill: {} of this span are there", numbers::counted(there as u64, "slot"))
}

/// "30 hours of 200 coins, from … to …: 60 credits".
fn in_words(gap: &Gap, price: Price) -> String {
    let slots = gap.slots.len() as u64;
    let what = match &gap.past {
        Past::Hours(coins) => {
            format!("{} of {}", numbers::counted(slots, "hour"), numbers::counted(coins.len() as u64, "coin"))
        }
        Past::Days => format!("{} as they ended,", numbers::counted(slots, "day")),
    };
    let span = match (gap.slots.first(), gap.slots.last()) {
        (Some(first), Some(last)) if first != last => format!(" from {first} to {last}"),
        (Some(first), _) => format!(", {first}"),
        _ => String::new(),
    };
    format!("{what}{span}: {}", consent::credits(price))
}

/// How it ended.
enum Ended {
    Filled { slots: u64, quotes: u64, credits: u64, taken: u64 },
    Stopped,
}

/// Fetches what is missing and waits until it is loaded.
async fn fill(
    process: &Process,
    adapters: &Adapters,
    backfiller: &Backfiller,
    gap: &Gap,
    progress: &Progress,
) -> anyhow::Result<Ended> {
    let stop = process.shutdown.soft();
    let filled = |filled: &Filled| progress.fetched(filled.batches.len() as u64);
    let filled = match backfiller.fill(&gap.past, &gap.slots, progress, &filled, &stop).await {
        Ok(filled) => filled,
        Err(OnceFailure::Stopped) => return Ok(Ended::Stopped),
        Err(_) if stop.is_cancelled() => return Ok(Ended::Stopped),
        Err(failure) => {
            let how = "the gap is not filled; what was fetched is kept, and the same command goes on with it";
            return Err(failure).context(how);
        }
    };
    let batches: Vec<_> = filled.batches.iter().chain(&gap.coming).cloned().collect();
    let mut arrivals = Arrivals::new(adapters.stores.ledger.clone(), &batches, progress);
    Wait::new(process, adapters).until_ended(&mut arrivals, &stop).await?;
    if stop.is_cancelled() {
        return Ok(Ended::Stopped);
    }
    progress.clear();
    arrivals.check()?;
    // Nothing has to be remembered of what the tables know.
    backfiller.forget_paid(&batches.into_iter().collect()).await?;
    Ok(Ended::Filled {
        slots: arrivals.arrived(),
        quotes: arrivals.quotes(),
        credits: filled.credits,
        taken: filled.taken as u64,
    })
}

/// For the texts of `consent`.
fn source_name(source: &ChosenSource) -> &str {
    if source.simulator.is_some() { "the built-in simulator" } else { &source.base_url }
}

//! What is missing: the slots that the schedules in force have, or one a day, that the tables do not have whole.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Schedule, Slot, endpoint, timestamp};
use fetcher::{KnownCoin, Past, PastCoins, Tables};
use ports::BatchRecord;
use ports::store::ListedCoin;
use service::{Held, Process, Stores, Usage};

use super::span::Span;
use super::{BackfillArgs, Interval};
use crate::commands::gaps::{due, is_hour};
use crate::{numbers, output};

const HOUR: Duration = Duration::from_hours(1);

/// What is to be filled.
#[derive(Default)]
pub(super) struct Gap {
    /// What is filled alike.
    pub(super) parts: Vec<(Past, BTreeSet<Slot>)>,
    /// How many slots the tables have.
    pub(super) there: usize,
    /// Batches of the past that they have, whole.
    pub(super) known: BTreeSet<BatchId>,
    /// Batches that would fill a slot, and were dropped.
    pub(super) dropped: BTreeSet<BatchId>,
}

impl Gap {
    /// Batches of the past of which it is known what became of them: whatever else remembers that they were paid for, nothing of them is
    /// on its way.
    pub(super) fn came(&self) -> BTreeSet<BatchId> {
        self.known.union(&self.dropped).cloned().collect()
    }
}

/// What the tables lack.
pub(super) async fn find(process: &Process, args: &BackfillArgs, stores: &Stores) -> anyhow::Result<Gap> {
    let fetch = &process.config().fetch;
    let currency = fetch.convert.first().map_or("USD", String::as_str);
    let listed = stores.quotes.listed(currency).await?;
    let newest = listed.iter().map(|coin| coin.fetched_at).min().with_context(|| {
        format!("there is no snapshot in {currency} before which gaps could be filled; `coinpipe --once` takes one")
    })?;
    let (from, to) = args.span()?;
    let now = process.clock.now();
    let from = kept_from(from, to.unwrap_or(newest).min(newest), process.config().history.keep, now)?;
    let span = Span::new(from, to, newest, now)?;
    let tables = Tables { ledger: stores.ledger.clone(), schedules: stores.schedules.clone() };
    let mut gap = match args.interval {
        Interval::Daily => days(&tables, &span.days()?, &fetch.convert).await?,
        Interval::Hourly => {
            let Hours { wanted, there, known } = hours(&tables, span, fetch, now).await?;
            let coins = coins(&listed, &args.ids)?;
            let is_all = coins.len() == listed.len();
            let fewer = process.config().judge.fewer;
            let filled =
                if is_all { tables.filled_by(&wanted, coins.len(), fewer).await? } else { BTreeSet::new() };
            let rest = wanted.difference(&filled).copied().collect();
            let parts = vec![
                (Past::Hours(PastCoins::all(coins.clone())), filled),
                (Past::Hours(PastCoins::some(coins)), rest),
            ];
            Gap { parts, there, known, ..Gap::default() }
        }
    };
    leave_known(&tables, &mut gap, &fetch.convert).await?;
    Ok(gap)
}

/// From when on what is filled stays: what is older than `keep` would be deleted again at once.
fn kept_from(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    keep: Duration,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Usage> {
    let oldest = TimeDelta::from_std(keep).ok().filter(|keep| !keep.is_zero());
    let Some(oldest) = oldest.and_then(|keep| now.checked_sub_signed(keep)).filter(|oldest| *oldest > from)
    else {
        return Ok(from);
    };
    let keep = humantime::format_duration(keep);
    let text = timestamp::to_text(oldest);
    if from < to && oldest >= to {
        return Err(Usage(format!(
            "all of the span is before {text}: history.keep is {keep}, so that what is filled there would be deleted at once"
        )));
    }
    output::say(format!(
        "begins    {text}: what is older would be deleted at once, because history.keep is {keep}"
    ));
    Ok(oldest)
}

/// Hours of a span.
struct Hours {
    wanted: BTreeSet<Slot>,
    /// How many others the tables have.
    there: usize,
    /// Batches of the past among them.
    known: BTreeSet<BatchId>,
}

/// The hours that the schedules have, and which of them the tables have. Where no schedule is known, `fetch.every` tells.
async fn hours(
    tables: &Tables,
    span: Span,
    fetch: &config::Fetch,
    now: DateTime<Utc>,
) -> anyhow::Result<Hours> {
    let (from, to) = span.bounds();
    let mut schedules = tables.schedules.schedules(Schedule::QUOTES, from).await?;
    schedules.retain(|schedule| schedule.since < to);
    // What they lack is wanted in the currencies of now.
    for schedule in &mut schedules {
        schedule.convert.clone_from(&fetch.convert);
    }
    let longest = schedules.iter().map(|schedule| schedule.every).chain([fetch.every]).max().unwrap_or(HOUR);
    let held = whole(tables.held(from, timestamp::later(to, longest)).await?);
    let due = due::find(&schedules, &held.slots, (from, to), now);
    let missing: BTreeSet<_> = due.missing.iter().map(|missing| missing.slot).collect();
    let (mut wanted, others): (BTreeSet<_>, BTreeSet<_>) = missing.into_iter().partition(is_hour);
    if !others.is_empty() {
        output::say(format!(
            "left out  {} that do not begin with an hour: the history is asked for hours",
            numbers::counted(others.len() as u64, "slot")
        ));
    }
    let mut there = due.batches.len();
    let first = schedules.iter().map(|schedule| schedule.since).min().unwrap_or(to);
    let slots = held.by_slot();
    let step = fetch.every.max(HOUR);
    for slot in span.hours(fetch.every)?.into_iter().filter(|slot| slot.starts_at() < first) {
        let is_held = |name| slots.within(name, &fetch.convert, slot, step).is_some();
        if [endpoint::LISTINGS, endpoint::QUOTES, endpoint::HISTORY].into_iter().any(is_held) {
            there += 1;
        } else {
            wanted.insert(slot);
        }
    }
    Ok(Hours { wanted, there, known: past_in(&held) })
}

/// The days that the tables do not have.
async fn days(tables: &Tables, wanted: &BTreeSet<Slot>, convert: &[String]) -> anyhow::Result<Gap> {
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Ok(Gap::default()) };
    let (from, to) = (first.starts_at(), timestamp::later(last.starts_at(), Duration::from_secs(1)));
    let held = whole(tables.held(from, to).await?);
    let slots = held.by_slot();
    let is_held = |slot: &Slot| {
        let by = |name| slots.within(name, convert, *slot, Duration::from_secs(1)).is_some();
        [endpoint::LISTINGS, endpoint::QUOTES, endpoint::HISTORY].into_iter().any(by)
    };
    let (there, missing): (BTreeSet<_>, BTreeSet<_>) = wanted.iter().copied().partition(is_held);
    let known = past_in(&held);
    Ok(Gap { parts: vec![(Past::Days, missing)], there: there.len(), known, ..Gap::default() })
}

fn past_in(held: &Held) -> BTreeSet<BatchId> {
    let past = held.slots.iter().filter(|one| one.endpoint == endpoint::HISTORY);
    past.map(|one| one.batch.clone()).collect()
}

/// Only what is in the tables whole: what was paid for and is on its way is known elsewhere, and what lost a page is to be filled.
fn whole(mut held: Held) -> Held {
    held.slots.retain(|one| !held.unloaded.contains(&one.batch));
    held
}

/// Takes out of `gap` the batches of some coins that are there, and notes which were dropped.
async fn leave_known(tables: &Tables, gap: &mut Gap, convert: &[String]) -> anyhow::Result<()> {
    let is_whole = |record: &BatchRecord| {
        let is_refused = record.coins_in > 0 && record.rejected >= record.coins_in;
        record.dropped.is_none() && record.is_complete() && !record.lacks_coins() && !is_refused
    };
    for (past, slots) in &mut gap.parts {
        let ids: Vec<_> = slots.iter().map(|slot| past.batch(*slot, convert)).collect();
        for record in tables.records(&ids).await? {
            if record.dropped.is_some() {
                gap.dropped.insert(record.id);
            } else if is_whole(&record) && slots.remove(&record.slot) {
                gap.there += 1;
                gap.known.insert(record.id);
            } else if record.is_complete() {
                // It came, and is fetched again.
                gap.known.insert(record.id);
            }
        }
    }
    Ok(())
}

/// The coins that are asked for. Only of the newest snapshot's it is known what they are.
fn coins(listed: &[ListedCoin], ids: &[u32]) -> anyhow::Result<Vec<KnownCoin>> {
    let ids: BTreeSet<u32> = ids.iter().copied().collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_deleted_at_once_is_not_filled() {
        let at = |text| timestamp::from_text(text).unwrap();
        let (now, to) = (at("2026-11-22T14:00:00Z"), at("2026-11-22T12:00:00Z"));
        let day = Duration::from_hours(24);
        let from = |text, keep| kept_from(at(text), to, keep, now);
        let early = "2026-11-01T00:00:00Z";
        assert_eq!(from(early, Duration::ZERO).unwrap(), at(early));
        assert_eq!(from(early, day).unwrap(), at("2026-11-21T14:00:00Z"));
        assert_eq!(from("2026-11-22T00:00:00Z", day).unwrap(), at("2026-11-22T00:00:00Z"));
        assert!(from(early, Duration::from_hours(1)).unwrap_err().0.contains("history.keep is 1h"));
    }
}

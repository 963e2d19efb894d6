//! `coinpipe gaps`: the slots that were due and have no snapshot.

pub(super) mod due;

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use config::Source;
use domain::{BatchId, InForce, QueueName, Schedule, Slot, in_force, timestamp};
use fetcher::Tables;
use ports::{BatchRecord, FetchedSlot};
use serde_json::{Value, json};
use service::{Held, Process, Stores, Usage};

use due::{Due, Gap, MissingSlot};

use crate::adapters::{self, Found};
use crate::when::{When, ZoneArgs};
use crate::{numbers, output, values};

/// Looked at unless something else is asked for.
const USUALLY: Duration = Duration::from_hours(7 * 24);

/// So many gaps have a command of their own in what is said; more have one together.
const MOST_COMMANDS: usize = 3;

/// So many batches are read at once.
const AT_ONCE: usize = 500;

#[derive(Args, Debug)]
pub(crate) struct GapsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Slots from this instant or day on (2026-11-22T14:00:00Z or 2026-11-22, UTC; or see --time-zone)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    from: Option<When>,
    /// Slots before this instant or day
    #[arg(long, value_name = "T", value_parser = When::parse)]
    to: Option<When>,
    /// Slots in this time until now, such as 24h; 7d unless something else is said
    #[arg(long, value_name = "TIME", value_parser = values::some_time, conflicts_with_all = ["from", "to"])]
    last: Option<Duration>,
    #[command(flatten)]
    zone: ZoneArgs,
}

impl GapsArgs {
    /// From when to when.
    fn span(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), Usage> {
        let instant = |when: &When| when.instant(self.zone);
        let to = self.to.as_ref().map_or(Ok(now), instant)?;
        let from = match (&self.from, self.last) {
            (Some(from), _) => instant(from)?,
            (None, last) => {
                let last = TimeDelta::from_std(last.unwrap_or(USUALLY)).ok();
                let from = last.and_then(|last| to.checked_sub_signed(last));
                from.ok_or_else(|| Usage("--last goes back too far".to_owned()))?
            }
        };
        if from >= to {
            let (from, to) = (timestamp::to_text(from), timestamp::to_text(to));
            return Err(Usage(format!("--to {to} is not after {from}: the span is empty")));
        }
        Ok((from, to))
    }
}

pub(crate) async fn run(process: &Process, args: &GapsArgs) -> anyhow::Result<()> {
    let now = process.clock.now();
    let (from, to) = args.span(now)?;
    let found = adapters::find(process).await?;
    let looked = match &found.stores {
        Some(Stores { ledger, schedules, .. }) => {
            let tables = Tables { ledger: ledger.clone(), schedules: schedules.clone() };
            look(&tables, (from, to)).await?
        }
        None => Looked::default(),
    };
    let due = due::find(&looked.schedules, &looked.fetched, (from, to), now);
    if args.json {
        let text = json!({
            "from": timestamp::to_text(from),
            "to": timestamp::to_text(to),
            "schedules": in_force(&looked.schedules).iter().map(schedule_json).collect::<Vec<_>>(),
            "due": due.count,
            "missing": due.missing.iter().map(|one| slot_json(one, &looked.partial)).collect::<Vec<_>>(),
            "late": due.late.iter().map(|one| slot_json(one, &looked.partial)).collect::<Vec<_>>(),
        });
        output::print(serde_json::to_string_pretty(&text)?)?;
    } else if found.stores.is_some() {
        tell(process, &found, &looked, &due, from).await?;
    }
    if found.stores.is_none() {
        bail!(adapters::nothing_at(&process.config().store.url));
    }
    if due.missing.is_empty() {
        return Ok(());
    }
    let missing = numbers::counted(due.missing.len() as u64, "slot");
    bail!("{missing} of {} that were due have no snapshot", numbers::count(due.count));
}

/// What the store says of a span.
#[derive(Default)]
struct Looked {
    schedules: Vec<Schedule>,
    fetched: Vec<FetchedSlot>,
    /// What was filled in part.
    partial: Vec<BatchRecord>,
}

async fn look(tables: &Tables, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> anyhow::Result<Looked> {
    let mut schedules = tables.schedules.schedules(Schedule::QUOTES, from).await?;
    schedules.retain(|schedule| schedule.since < to);
    let longest = schedules.iter().map(|schedule| schedule.every).max().unwrap_or_default();
    let Held { slots, partial, .. } = tables.held(from, timestamp::later(to, longest)).await?;
    Ok(Looked { schedules, fetched: slots, partial })
}

async fn tell(
    process: &Process,
    found: &Found,
    Looked { schedules, partial, .. }: &Looked,
    due: &Due<'_>,
    from: DateTime<Utc>,
) -> anyhow::Result<()> {
    let Some(first) = schedules.first() else {
        output::say("no schedule is known yet: the fetcher that leads tells of it, and a loader records it");
        return Ok(());
    };
    if first.since > from {
        let since = timestamp::to_text(first.since);
        output::say(format!("the schedule is known since {since}; nothing is said of slots before"));
    }
    let gaps = due::gaps(&due.missing);
    if gaps.is_empty() {
        let slots = numbers::counted(due.count, "slot");
        output::say(format!("no gaps: {slots} due, and each has a snapshot"));
    } else {
        output::print(to_table(&gaps))?;
    }
    for late in late(&due.late) {
        output::say(late);
    }
    if let Some(stores) = &found.stores {
        let incomplete = incomplete(stores, &due.batches).await?;
        if incomplete > 0 {
            let batches = numbers::counted(incomplete, "snapshot");
            output::say(format!(
                "{batches} came, and not whole: `coinpipe batches --incomplete` says what is missing"
            ));
        }
    }
    if gaps.is_empty() {
        return Ok(());
    }
    let waiting = waiting(found).await?;
    if waiting > 0 {
        let messages = numbers::counted(waiting, "message");
        output::say(format!("{messages} in the queues; some of these snapshots may be among them"));
    }
    for missing in &due.missing {
        if let Some(filled) = in_part(missing, partial) {
            output::say(filled);
        }
    }
    let (config, now) = (process.config(), process.clock.now());
    let oldest = TimeDelta::from_std(config.history.keep).ok().filter(|keep| !keep.is_zero());
    let oldest = oldest.and_then(|keep| now.checked_sub_signed(keep));
    for remedy in remedies(&due.missing, &config.fetch, oldest) {
        output::say(remedy);
    }
    Ok(())
}

/// The slots that began and have no snapshot yet, in words.
fn late(late: &[MissingSlot<'_>]) -> Vec<String> {
    let told = |gap: &Gap<'_>| match gap.count {
        1 => format!("{} did not come yet: no gap, it may still come", gap.first),
        slots => format!(
            "{} to {} did not come yet: {} slots, no gap, they may still come",
            gap.first,
            gap.last,
            numbers::count(slots)
        ),
    };
    due::gaps(late).iter().map(told).collect()
}

/// What a slot has that was filled in part: "2 coins of 200".
fn in_part(missing: &MissingSlot<'_>, partial: &[BatchRecord]) -> Option<String> {
    let Schedule { convert, coins: due, .. } = missing.schedule;
    let is_of = |record: &&BatchRecord| {
        record.slot == missing.slot && convert.iter().all(|currency| record.convert.contains(currency))
    };
    let coins = partial
        .iter()
        .filter(is_of)
        .map(|record| record.coins_in - record.rejected.min(record.coins_in))
        .max()?;
    let coins = numbers::counted(coins, "coin");
    Some(format!("{} was filled in part: {coins} of {}", missing.slot, numbers::count((*due).into())))
}

/// What fills the `missing` slots, and which of them nothing fills. What is before `oldest` would be deleted at once.
fn remedies(
    missing: &[MissingSlot<'_>],
    fetch: &config::Fetch,
    oldest: Option<DateTime<Utc>>,
) -> Vec<String> {
    if fetch.source == Source::Keyless {
        let none = "without a key CoinMarketCap tells nothing of the past: what is missing stays so, until there is one";
        return vec![none.to_owned()];
    }
    let is_in_currencies =
        |one: &&MissingSlot<'_>| one.schedule.convert.iter().all(|currency| fetch.convert.contains(currency));
    let is_kept = |one: &MissingSlot<'_>| oldest.is_none_or(|oldest| one.slot.starts_at() >= oldest);
    let (kept, too_old): (Vec<_>, Vec<_>) = missing.iter().copied().partition(is_kept);
    let (hours, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|one| is_hour(&one.slot));
    let (fillable, foreign): (Vec<_>, Vec<_>) = hours.into_iter().partition(|one| is_in_currencies(&one));
    let mut remedies = commands(&due::gaps(&fillable));
    if let Some(first) = foreign.first() {
        let (slots, convert) =
            (numbers::counted(foreign.len() as u64, "slot"), first.schedule.convert.join(","));
        remedies.push(format!(
            "due in other currencies than fetch.convert has now: {slots}; COINPIPE__FETCH__CONVERT={convert} before the command fills \
             them"
        ));
    }
    if !too_old.is_empty() {
        let slots = numbers::counted(too_old.len() as u64, "slot");
        remedies.push(format!(
            "not filled: {slots}, which are older than history.keep: they would be deleted at once"
        ));
    }
    if !others.is_empty() {
        let slots = numbers::counted(others.len() as u64, "slot");
        remedies.push(format!(
            "not filled: {slots}, which do not begin with an hour; the history is asked for hours"
        ));
    }
    remedies
}

/// Whether `slot` is one that the history tells of.
pub(super) fn is_hour(slot: &Slot) -> bool {
    slot.starts_at().timestamp() % 3600 == 0
}

/// How many of `batches` are not whole.
async fn incomplete(stores: &Stores, batches: &[&BatchId]) -> anyhow::Result<u64> {
    let mut incomplete = 0;
    for ids in batches.chunks(AT_ONCE) {
        let ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        let records = stores.ledger.batches_of(&ids).await?;
        incomplete +=
            records.iter().filter(|batch| !batch.is_complete() || batch.lacks_coins()).count() as u64;
    }
    Ok(incomplete)
}

/// Messages that are on their way into the tables.
async fn waiting(found: &Found) -> anyhow::Result<u64> {
    let Some(queues) = &found.queues else { return Ok(0) };
    let mut waiting = 0;
    for queue in [QueueName::Raw, QueueName::Rows] {
        waiting += queues.queue.depth(queue).await?.total();
    }
    Ok(waiting)
}

fn to_table(gaps: &[Gap<'_>]) -> comfy_table::Table {
    let rows = gaps.iter().map(|gap| {
        vec![
            gap.first.to_string(),
            gap.last.to_string(),
            numbers::count(gap.count),
            humantime::format_duration(gap.schedule.every).to_string(),
            gap.schedule.endpoint.clone(),
            gap.schedule.convert.join(","),
        ]
    });
    output::table(&["first slot", "last slot", "slots", "every", "endpoint", "currencies"], &[2], rows)
}

/// What fetches the gaps.
fn commands(gaps: &[Gap<'_>]) -> Vec<String> {
    let command = |from: &str, to: &str, what: &str| {
        format!(
            "`coinpipe backfill --from {from} --to {to}` fetches {what} from the API's history, as far as the plan has it"
        )
    };
    if gaps.len() <= MOST_COMMANDS {
        let each = gaps.iter().map(|gap| {
            let what = numbers::counted(gap.count, "slot");
            command(&gap.first.to_string(), &gap.ends_at().to_string(), &what)
        });
        return each.collect();
    }
    let first = gaps.iter().map(|gap| gap.first).min();
    let last = gaps.iter().map(Gap::ends_at).max();
    let all = first
        .zip(last)
        .map(|(first, last)| command(&first.to_string(), &last.to_string(), "what is missing"));
    all.into_iter().collect()
}

fn schedule_json(one: &InForce<'_>) -> Value {
    let Schedule { endpoint, convert, every, coins, since, simulated, confirmed_at, .. } = one.schedule;
    json!({
        "endpoint": endpoint,
        "convert": convert,
        "every_seconds": every.as_secs(),
        "coins": coins,
        "since": timestamp::to_text(*since),
        "until": one.until.map(timestamp::to_text),
        "confirmed_at": timestamp::to_text(*confirmed_at),
        "simulated": simulated,
    })
}

fn slot_json(missing: &MissingSlot<'_>, partial: &[BatchRecord]) -> Value {
    json!({
        "has_part": in_part(missing, partial).is_some(),
        "is_in_history": is_hour(&missing.slot),
        "slot": missing.slot.to_string(),
        "batch": missing.batch().as_str(),
        "endpoint": missing.schedule.endpoint,
        "convert": missing.schedule.convert,
        "every_seconds": missing.schedule.every.as_secs(),
    })
}

#[cfg(test)]
mod tests;

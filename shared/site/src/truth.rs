//! The one line of truth: whether the tables are fresh and whole, and if not, since when and why. A pure function of what was found.

mod facts;
mod words;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::StaleAfter;
use domain::{Class, Doubt, LOADED_WITHIN, QueueName, Schedule, Slot, StageName, count, one_line, timestamp};
use ports::Depth;
use ports::store::{AlertGroup, BatchRecord, Freshness};
use serde_json::{Value, json};
use service::Waiting;

pub(crate) use facts::depths;
pub use facts::{facts, known};
use words::lasting;
pub(crate) use words::{clock, counted};

/// What waits in a queue for so long waits for somebody who does not take it.
const WAITS_LONG: TimeDelta = TimeDelta::minutes(5);

/// Quotes may be so much older than their slot: CoinMarketCap's own are, by some minutes.
const QUOTES_LAG: TimeDelta = TimeDelta::minutes(5);

/// No quote is taken that is more ahead of the clock than this; one that is was taken by another clock.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// The longest text from elsewhere, in characters.
const REASON: usize = 160;

/// What was found at one time.
#[derive(Clone, Debug)]
pub struct Known {
    /// When.
    pub now: DateTime<Utc>,
    /// What the tables say; `None` when the store is away.
    pub tables: Option<Facts>,
    /// What waits in the queues; `None` when the queue is away.
    pub queues: Option<Vec<(QueueName, Depth)>>,
    /// What the fetcher on this machine waits for.
    pub waiting: Option<Waiting>,
    /// When quotes are old.
    pub stale_after: StaleAfter,
    /// How often snapshots are taken while no schedule is known.
    pub every: Duration,
}

/// What the tables say.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// How fresh the quotes are.
    pub freshness: Freshness,
    /// The schedules that are in force.
    pub followed: Vec<Schedule>,
    /// The newest snapshot that was fetched live.
    pub newest: Option<BatchRecord>,
    /// What is open on the desk.
    pub open: Vec<AlertGroup>,
    /// What is in the way of what the newest snapshot lacks: a letter about it that is open.
    pub in_the_way: Option<String>,
}

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well.
    Good,
    /// The tables serve, and something is wrong or may soon be.
    Doubtful,
    /// Who reads the tables reads something old, or nothing.
    Bad,
}

/// The line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// How good it is.
    pub level: Level,
    /// The first word: `Fresh`.
    pub word: &'static str,
    /// What follows: `: 3 minutes old, complete`.
    pub rest: String,
}

impl Truth {
    fn new(level: Level, word: &'static str, rest: String) -> Self {
        Self { level, word, rest }
    }

    /// All of it.
    pub fn text(&self) -> String {
        format!("{}{}", self.word, self.rest)
    }

    /// The line for programs.
    pub fn to_json(&self) -> Value {
        let level = match self.level {
            Level::Good => "good",
            Level::Doubtful => "doubtful",
            Level::Bad => "bad",
        };
        json!({ "level": level, "text": self.text() })
    }
}

/// How all is.
pub fn truth(known: &Known) -> Truth {
    let now = known.now;
    let Some(tables) = &known.tables else {
        let rest = ": nothing can be read, or loaded, until it is back".to_owned();
        return Truth::new(Level::Bad, "The store is away", rest);
    };
    let every = tables.followed.iter().map(|schedule| schedule.every).min().unwrap_or(known.every);
    let Some(quote_at) = tables.freshness.newest_quote_at else {
        if let Some(why) = obstacle(known, tables, every).or_else(|| none_came(tables, every, now)) {
            return Truth::new(Level::Bad, "No quotes yet", format!(": {why}"));
        }
        return Truth::new(Level::Doubtful, "No quotes yet", format!(": {}", first_ones(tables, every, now)));
    };
    let age = now - quote_at;
    let is_older = |age: TimeDelta, most: Option<Duration>| {
        most.is_some_and(|most| age.to_std().is_ok_and(|age| age > most))
    };
    // The alerter's two conditions: quotes that are too old, and no whole snapshot for too long.
    let whole_at =
        tables.newest.as_ref().filter(|newest| newest.is_complete()).and_then(|newest| newest.fetched_at);
    let is_stale = is_older(age, known.stale_after.of(every))
        || whole_at.is_some_and(|at| is_older(now - at, known.stale_after.between_snapshots(every)));
    if is_stale {
        let why = obstacle(known, tables, every).unwrap_or_else(|| nothing_comes(known, tables, every));
        return Truth::new(Level::Bad, "Stale", format!(" since {}: {why}", clock(quote_at, now)));
    }
    if age < -AHEAD {
        let rest = format!(": {} ahead of this machine's clock, which is wrong then", lasting(-age));
        return Truth::new(Level::Doubtful, "Fresh", rest);
    }
    let (level, state) = newest_state(tables, every, now);
    let mut rest = format!(": {} old, {state}", lasting(age));
    // Fresh as it is, it may not stay so.
    match blocked(known, tables).or_else(|| incident(tables)) {
        Some(obstacle) => {
            rest = format!("{rest}; {obstacle}");
            Truth::new(Level::Doubtful, "Fresh", rest)
        }
        None => Truth::new(level, "Fresh", rest),
    }
}

/// What keeps quotes from coming: the first that is known on their way. What became of a snapshot that came in time says more than what
/// the fetcher complained of.
fn obstacle(known: &Known, tables: &Facts, every: Duration) -> Option<String> {
    let in_time = tables.newest.as_ref().filter(|newest| !is_late(newest, every, known.now));
    blocked(known, tables)
        .or_else(|| in_time.and_then(|newest| spoilt(tables, newest, known.now)))
        .or_else(|| incident(tables))
}

/// Who waits now, and for what.
fn blocked(known: &Known, tables: &Facts) -> Option<String> {
    let now = known.now;
    if let Some(Waiting { code, reason, until, .. }) = &known.waiting {
        let what = match waited_for(code) {
            "the API" => format!("the API ({})", one_line(reason, REASON)),
            what => what.to_owned(),
        };
        return Some(format!("the fetcher waits for {what} until {}", clock(*until, now)));
    }
    let Some(queues) = &known.queues else {
        return Some("the queue is away, and nothing gets from stage to stage until it is back".to_owned());
    };
    for (name, worker, thing) in
        [(QueueName::Raw, StageName::Transformer, "page"), (QueueName::Rows, StageName::Loader, "chunk")]
    {
        let depth =
            queues.iter().find(|(queue, _)| *queue == name).map(|(_, depth)| *depth).unwrap_or_default();
        let waiting = depth.ready + depth.unsettled;
        let code = format!("{name}_stuck");
        let is_told = tables.open.iter().any(|group| group.code == code);
        let waits_long = depth.oldest_at.is_some_and(|at| now - at > WAITS_LONG);
        if waiting > 0 && (is_told || waits_long) {
            let waits = if waiting == 1 { "waits" } else { "wait" };
            return Some(format!("{} {waits} for a {worker}; does one run?", counted(waiting, thing)));
        }
    }
    None
}

/// What the API or the operator has to give before the fetcher goes on.
fn waited_for(code: &str) -> &'static str {
    match code {
        "api_1009" | "api_1010" | "over_budget" | "credits_short" => "credits",
        "api_1008" | "api_1011" | "api_1022" | "http_429" => "the API's rate limit",
        "api_1001" | "api_1002" | "api_1005" | "api_1007" | "http_401" => "a key that the API takes",
        "api_1003" | "api_1004" | "http_402" => "the plan to be paid",
        "api_1006" => "a plan that has the endpoint",
        "spool_full" | "spool_failed" => "room in its spool",
        _ => "the API",
    }
}

/// The newest incident of a fetcher that keeps snapshots away. What it complained of before it fetched the newest one is over.
fn incident(tables: &Facts) -> Option<String> {
    let fetched_at = tables.newest.as_ref().and_then(|newest| newest.fetched_at);
    let is_of_fetcher = |group: &&AlertGroup| {
        let is_trouble = ["api_", "http_", "spool_"].iter().any(|begin| group.code.starts_with(begin));
        let is_word = ["timeout", "connect", "over_budget"].contains(&group.code.as_str());
        group.stage == Some(StageName::Fetcher)
            && group.class == Class::Incident
            && (is_trouble || is_word)
            && group.code != "api_drift"
            && fetched_at.is_none_or(|at| group.last_seen_at > at)
    };
    let newest = tables.open.iter().filter(is_of_fetcher).max_by_key(|group| group.last_seen_at)?;
    Some(format!("the fetcher says: {}", one_line(&newest.reason, REASON)))
}

/// What became of a snapshot whose rows are not all in the tables and do not come any more.
fn spoilt(tables: &Facts, snapshot: &BatchRecord, now: DateTime<Utc>) -> Option<String> {
    let slot = clock(snapshot.slot.starts_at(), now);
    if snapshot.is_half_dropped || snapshot.dropped.is_some() {
        return Some(format!("the snapshot of {slot} was dropped"));
    }
    if !snapshot.is_complete() {
        let not_whole = format!("the snapshot of {slot} was fetched, and is not loaded whole");
        match &tables.in_the_way {
            Some(what) => return Some(format!("{not_whole}: {what}")),
            None if !is_on_its_way(snapshot, now) => return Some(not_whole),
            None => {}
        }
    }
    let coins = counted(snapshot.coins_in, "coin");
    snapshot.is_refused().then(|| format!("all of the snapshot of {slot} was rejected, {coins}"))
}

/// That the first quotes should be there; nothing is known to be in the way.
fn none_came(tables: &Facts, every: Duration, now: DateTime<Utc>) -> Option<String> {
    if let Some(newest) = tables.newest.as_ref().filter(|newest| !is_on_its_way(newest, now)) {
        let is_late = is_late(newest, every, now);
        return is_late.then(|| spoilt(tables, newest, now).unwrap_or_else(|| none_after(newest, now)));
    }
    // The fetcher that told of it last was there then.
    let told_at = tables.followed.iter().map(|schedule| schedule.since.max(schedule.confirmed_at)).max()?;
    let is_late = tables.newest.is_none() && is_overdue(Slot::current(told_at, every), every, now);
    is_late.then(|| {
        format!(
            "no snapshot came since a fetcher told its schedule at {}; does one run?",
            clock(told_at, now)
        )
    })
}

/// When the first quotes come; nothing is known to be in the way.
fn first_ones(tables: &Facts, every: Duration, now: DateTime<Utc>) -> String {
    if let Some(newest) = tables.newest.as_ref().filter(|newest| is_on_its_way(newest, now)) {
        return format!("the snapshot of {} is being loaded", clock(newest.slot.starts_at(), now));
    }
    if tables.followed.is_empty() {
        return "no fetcher has told its schedule; does one run?".to_owned();
    }
    let due = timestamp::later(Slot::current(now, every).starts_at(), every);
    format!("they come with the first snapshot, by {}", clock(due, now))
}

/// Nothing is known to be in the way, and nothing new is there.
fn nothing_comes(known: &Known, tables: &Facts, every: Duration) -> String {
    let now = known.now;
    let Some(newest) = &tables.newest else {
        return match tables.followed.first() {
            None => "no fetcher has told its schedule; does one run?".to_owned(),
            Some(_) => "no snapshot was fetched for long; does a fetcher run?".to_owned(),
        };
    };
    if let Some(spoilt) = spoilt(tables, newest, now) {
        return spoilt;
    }
    let slot_at = newest.slot.starts_at();
    let slot = clock(slot_at, now);
    if is_on_its_way(newest, now) {
        return format!("the snapshot of {slot} is being loaded");
    }
    let nothing = none_after(newest, now);
    if is_late(newest, every, now) {
        return nothing;
    }
    // Had they been of their slot, they would not be too old.
    let is_slot_old = known
        .stale_after
        .of(every)
        .is_some_and(|limit| (now - slot_at).to_std().is_ok_and(|age| age > limit));
    if !is_slot_old && slot_at - tables.freshness.newest_quote_at.unwrap_or_default() > QUOTES_LAG {
        return format!("the snapshot of {slot} has old quotes, as CoinMarketCap sent them");
    }
    let due = timestamp::later(slot_at, every);
    if tables.followed.is_empty() || due <= now {
        return nothing;
    }
    format!("the snapshot after that of {slot} is due at {}", clock(due, now))
}

fn none_after(newest: &BatchRecord, now: DateTime<Utc>) -> String {
    format!("no snapshot came after that of {}; does a fetcher run?", clock(newest.slot.starts_at(), now))
}

/// Whether what a snapshot lacks may still come.
fn is_on_its_way(snapshot: &BatchRecord, now: DateTime<Utc>) -> bool {
    let told_at = snapshot.loaded_at.max(snapshot.fetched_at);
    !snapshot.is_complete() && told_at.is_some_and(|at| timestamp::later(at, LOADED_WITHIN) > now)
}

/// Whether the snapshot after the newest should be there.
fn is_late(newest: &BatchRecord, every: Duration, now: DateTime<Utc>) -> bool {
    is_overdue(newest.slot, every, now)
}

/// Whether the snapshot of the slot after `slot` should be there.
fn is_overdue(slot: Slot, every: Duration, now: DateTime<Utc>) -> bool {
    timestamp::later(timestamp::later(slot.starts_at(), every.saturating_mul(2)), LOADED_WITHIN) <= now
}

/// How the newest snapshot is.
fn newest_state(tables: &Facts, every: Duration, now: DateTime<Utc>) -> (Level, String) {
    let Some(newest) = &tables.newest else {
        return (
            Level::Doubtful,
            "filled in later or imported: no snapshot was fetched for a while".to_owned(),
        );
    };
    let slot = clock(newest.slot.starts_at(), now);
    // Before it is asked whether the next is late: it is gone for good.
    if newest.is_half_dropped || newest.dropped.is_some() {
        return (Level::Doubtful, format!("and the snapshot of {slot} was dropped"));
    }
    if is_late(newest, every, now) {
        return (Level::Doubtful, format!("and the snapshot after that of {slot} is late"));
    }
    if !newest.is_complete() {
        let parts = counted(newest.missing.len() as u64, "part");
        let missing = format!("incomplete: {parts} of the snapshot of {slot} missing");
        return match &tables.in_the_way {
            Some(what) => (Level::Doubtful, format!("{missing}; {what}")),
            None if is_on_its_way(newest, now) => {
                (Level::Good, format!("and the snapshot of {slot} is being loaded: {parts} to come"))
            }
            None => (Level::Doubtful, missing),
        };
    }
    if let Some(spoilt) = spoilt(tables, newest, now) {
        return (Level::Doubtful, format!("and {spoilt}"));
    }
    match &newest.verdict {
        None if newest.rejected > 0 => {
            let of = format!("{} of {}", count(newest.rejected), counted(newest.coins_in, "coin"));
            (Level::Good, format!("complete but for {of} that were rejected"))
        }
        None => (Level::Good, "complete".to_owned()),
        Some(verdict) => {
            let word = match verdict.doubt {
                Doubt::Incomplete => "incomplete",
                Doubt::Suspect => "suspect",
            };
            (Level::Doubtful, format!("{word}: {}", one_line(&verdict.why, REASON)))
        }
    }
}

#[cfg(test)]
mod tests;

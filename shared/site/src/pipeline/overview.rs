//! Reads how the pipeline is, for the view, for programs, and for `coinpipe top`. Bounded, however much the store holds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Config;
use domain::{Schedule, timestamp};
use ports::store::{BatchRecord, Course, Paid, ProcessRecord};
use ports::{Clock, Queue, StoreError};
use service::{Held, Stores};

use super::squares::{Square, look_into, squares, wanted};
use crate::truth::{Facts, Known, depths, facts, known};

/// Slots that are shown at most, and how far back they may be.
const SLOTS: u32 = 72;
const LONGEST: TimeDelta = TimeDelta::days(14);

/// As many processes are read.
const PROCESSES: u32 = 200;
/// Those that are gone are shown for so long.
const SHOWN: TimeDelta = TimeDelta::hours(1);

/// As many snapshots are in a plot: those of a month, one each hour.
pub(crate) const COURSES: u32 = 800;

/// How the pipeline is.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What the line of truth is made of.
    pub known: Known,
    /// The last slots, oldest first.
    pub squares: Vec<Square>,
    /// The newest batches that stand for them, newest first.
    pub batches: Vec<BatchRecord>,
    /// Processes that live, and those that ended a while ago, newest first.
    pub processes: Vec<ProcessRecord>,
}

/// What of the overview is in the tables: the last slots, their newest batches, the processes.
async fn last(
    stores: &Stores,
    facts: &Facts,
    every: Duration,
    now: DateTime<Utc>,
) -> Result<(Vec<Square>, Vec<BatchRecord>, Vec<ProcessRecord>), StoreError> {
    let every = facts.followed.iter().map(|schedule| schedule.every).min().unwrap_or(every);
    let back = TimeDelta::from_std(every.saturating_mul(SLOTS)).map_or(LONGEST, |back| back.min(LONGEST));
    // The slot that begins now is due.
    let (from, to) = (now - back, now + TimeDelta::milliseconds(1));
    let mut schedules = stores.schedules.schedules(Schedule::QUOTES, from).await?;
    schedules.retain(|schedule| schedule.since <= now);
    let longest = schedules.iter().map(|schedule| schedule.every).max().unwrap_or_default();
    let span = (from, timestamp::later(to, longest));
    let held = Held::between(&*stores.schedules, &*stores.ledger, span).await?;
    let mut ids = wanted(&schedules, &held, (from, to));
    // Many schedules that took turns may have had more.
    let most = usize::try_from(SLOTS).unwrap_or_default() * 2;
    ids.drain(..ids.len().saturating_sub(most));
    let records = stores.ledger.batches_of(&ids).await?;
    let mut squares = squares(&schedules, &held, &records, (from, to), now);
    squares.drain(..squares.len().saturating_sub(most));
    look_into(&mut squares, &records, stores).await?;
    let processes = stores.processes.processes(now - SHOWN, PROCESSES).await?;
    Ok((squares, records, processes))
}

/// How all is now.
pub async fn overview(
    config: &Config,
    stores: &Stores,
    queue: Option<&dyn Queue>,
    clock: &dyn Clock,
) -> Result<Overview, StoreError> {
    let now = clock.now();
    let facts = facts(stores, now).await?;
    let (squares, batches, processes) = last(stores, &facts, config.fetch.every, now).await?;
    let queues = match queue {
        Some(queue) => depths(queue, clock).await,
        None => None,
    };
    Ok(Overview { known: known(config, Some(facts), queues, now), squares, batches, processes })
}

/// What a plot of a span is made of: how its snapshots went, and what was paid.
pub(crate) async fn plotted(
    stores: &Stores,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(Vec<Course>, Vec<Paid>), StoreError> {
    let courses = stores.ledger.courses(from, now, COURSES).await?;
    Ok((courses, stores.ledger.paid_since(from).await?))
}

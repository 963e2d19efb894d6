//! Reads what the line of truth is made of. Nothing here costs much, however much the store holds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Config;
use domain::endpoint::{LISTINGS, QUOTES};
use domain::{QueueName, Schedule, in_force, timestamp};
use ports::store::{BatchRecord, GroupState};
use ports::{Clock, Depth, FetchedSlot, Queue, StoreError};
use service::Stores;

use super::{Facts, Known};
use crate::in_the_way::in_the_way;

/// The newest snapshot is looked for so far back at most.
const LONGEST: TimeDelta = TimeDelta::days(14);

/// A queue that does not answer in this time cannot tell.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the tables say of how all is; without anything that costs much.
pub async fn facts(stores: &Stores, now: DateTime<Utc>) -> Result<Facts, StoreError> {
    let freshness = stores.quotes.freshness().await?;
    let schedules = stores.schedules.schedules(Schedule::QUOTES, now).await?;
    let followed: Vec<Schedule> = in_force(&schedules)
        .into_iter()
        .filter(|one| one.schedule.since <= now && one.until.is_none_or(|until| until > now))
        .map(|one| one.schedule.clone())
        .collect();
    let newest = newest(stores, &followed, now).await?;
    let open = stores.letters.groups(Some(GroupState::Open)).await?;
    let in_the_way = match newest.as_ref().filter(|newest| !newest.is_complete()) {
        Some(newest) => in_the_way(stores, &newest.id, newest.fetched_at.is_some()).await?,
        None => None,
    };
    Ok(Facts { freshness, followed, newest, open, in_the_way })
}

/// The newest snapshot within some intervals of the schedules, fetched live.
async fn newest(
    stores: &Stores,
    followed: &[Schedule],
    now: DateTime<Utc>,
) -> Result<Option<BatchRecord>, StoreError> {
    let longest = followed.iter().map(|schedule| schedule.every).max().unwrap_or(Duration::from_hours(1));
    let back =
        TimeDelta::from_std(longest * 4).map_or(LONGEST, |back| back.clamp(TimeDelta::hours(6), LONGEST));
    let fetched = stores.schedules.fetched_slots(now - back, timestamp::later(now, longest)).await?;
    let is_snapshot = |one: &&FetchedSlot| {
        [LISTINGS, QUOTES].contains(&one.endpoint.as_str()) && one.batch.coins_named().is_none()
    };
    let Some(newest) = fetched.iter().rev().find(is_snapshot) else { return Ok(None) };
    stores.ledger.batch(&newest.batch).await
}

/// What waits in the queues; `None` when the queue is away.
pub(crate) async fn depths(queue: &dyn Queue, clock: &dyn Clock) -> Option<Vec<(QueueName, Depth)>> {
    let asked = async {
        let mut depths = Vec::new();
        for name in QueueName::ALL {
            depths.push((name, queue.depth(name).await.ok()?));
        }
        Some(depths)
    };
    tokio::select! {
        biased;
        depths = asked => depths,
        () = clock.sleep(PATIENCE) => None,
    }
}

/// What is known at `now` of a store that said `tables`, and of what is beside it.
pub fn known(
    config: &Config,
    tables: Option<Facts>,
    queues: Option<Vec<(QueueName, Depth)>>,
    now: DateTime<Utc>,
) -> Known {
    Known {
        now,
        tables,
        queues,
        waiting: service::waiting(&config.fetch.spool, now),
        stale_after: config.alert.stale_after,
        every: config.fetch.every,
    }
}

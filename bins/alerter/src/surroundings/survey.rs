//! Reads the surroundings of a mail, once there is one to write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Schedule, header};
use ports::store::GroupState;
use ports::{Ledger, Letters, Queue, QueueName, Quotes, Schedules, StoreError};
use tracing::warn;

use super::holes::database;
use super::{Database, Sample, Surroundings};

/// How far back before now.
const LOOKED_BACK: TimeDelta = TimeDelta::hours(24);

/// As many batches as are read at most.
const MOST_BATCHES: u32 = 400;

/// As many groups get a sample: more than a mail shows.
const MOST_SAMPLES: usize = 25;

/// A mail waits for all of it no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the surroundings are read. What cannot be read is left out: the mail goes without it.
#[derive(Clone)]
pub(crate) struct Survey {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) schedules: Arc<dyn Schedules>,
    pub(crate) quotes: Arc<dyn Quotes>,
    pub(crate) letters: Arc<dyn Letters>,
    /// Where people reach the site, if somebody said.
    pub(crate) site: Option<String>,
    /// `None` where the queues cannot be looked at.
    pub(crate) queue: Option<Arc<dyn Queue>>,
}

impl Survey {
    /// What there is at `now`, with samples of `groups`.
    pub(crate) async fn look(&self, groups: &[String], now: DateTime<Utc>) -> Surroundings {
        let mut found = Surroundings { site: self.site.clone(), ..Surroundings::default() };
        if tokio::time::timeout(PATIENCE, self.fill(&mut found, groups, now)).await.is_err() {
            warn!("what is around the trouble was not read within {PATIENCE:?}; a mail tells what is known");
        }
        found
    }

    async fn fill(&self, found: &mut Surroundings, groups: &[String], now: DateTime<Utc>) {
        found.samples = read(self.samples(groups).await).unwrap_or_default();
        found.database = read(self.database(now).await);
        found.freshness = read(self.quotes.freshness().await);
        let open = read(self.letters.groups(Some(GroupState::Open)).await);
        found.open_groups = open.map(|groups| groups.len() as u64);
        // Last: a broker that is away may take all the time.
        if let Some(queue) = &self.queue {
            for name in QueueName::ALL {
                match queue.depth(name).await {
                    Ok(depth) => found.queues.push((name, depth)),
                    Err(error) => return warn!(%error, "a mail says nothing of the queues"),
                }
            }
        }
    }

    async fn database(&self, now: DateTime<Utc>) -> Result<Database, StoreError> {
        let batches = self.ledger.batches(MOST_BATCHES).await?;
        let mut since = now.checked_sub_signed(LOOKED_BACK).unwrap_or(DateTime::UNIX_EPOCH);
        if batches.len() >= MOST_BATCHES as usize
            && let Some(oldest) = batches.last()
        {
            since = since.max(oldest.slot.starts_at());
        }
        let schedules = self.schedules.schedules(Schedule::QUOTES, since).await?;
        let fetched = self.schedules.fetched_slots(since, now).await?;
        Ok(database(&schedules, &fetched, &batches, (since, now)))
    }

    async fn samples(&self, groups: &[String]) -> Result<BTreeMap<String, Sample>, StoreError> {
        let mut samples = BTreeMap::new();
        for group in groups.iter().take(MOST_SAMPLES) {
            let newest = self.letters.letters(Some(group), 1).await?.into_iter().next();
            samples.extend(newest.map(|letter| {
                let sample = Sample {
                    batch: letter.headers.get(header::BATCH).map(str::to_owned),
                    letter: letter.id,
                    reason: letter.reason,
                    filed_at: letter.filed_at,
                };
                (group.clone(), sample)
            }));
        }
        Ok(samples)
    }
}

fn read<T>(found: Result<T, StoreError>) -> Option<T> {
    found.inspect_err(|error| warn!(%error, "a mail leaves out what could not be read")).ok()
}

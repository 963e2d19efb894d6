//! Reads the surroundings of a mail, once there is one to write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Schedule};
use ports::store::{BatchRecord, GroupState};
use ports::{Desk, Ledger, LetterFilter, Letters, Queue, QueueName, Quotes, Schedules, StoreError};
use service::{Held, records};
use tracing::warn;

use super::holes::database;
use super::sample::{MOST_GROUPS, samples};
use super::{About, Database, Surroundings};

/// How far back before now.
const LOOKED_BACK: TimeDelta = TimeDelta::hours(24);

/// As many batches as are read at most: more than a day of all kinds of the market at their shortest intervals.
const MOST_BATCHES: usize = 1500;

/// A list of letters is counted no further.
const MOST_LETTERS: u64 = 10_000;

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
    pub(crate) desk: Arc<dyn Desk>,
    /// `None` where the queues cannot be looked at.
    pub(crate) queue: Option<Arc<dyn Queue>>,
}

impl Survey {
    /// What there is at `now`, with samples of the groups that a mail is `about`.
    pub(crate) async fn look(&self, about: &[About], now: DateTime<Utc>) -> Surroundings {
        let mut found = Surroundings { site: self.site.clone(), ..Surroundings::default() };
        if tokio::time::timeout(PATIENCE, self.fill(&mut found, about, now)).await.is_err() {
            warn!("what is around the trouble was not read within {PATIENCE:?}; a mail tells what is known");
        }
        found
    }

    async fn fill(&self, found: &mut Surroundings, about: &[About], now: DateTime<Utc>) {
        found.samples = read(samples(&*self.letters, about).await).unwrap_or_default();
        found.letters = read(self.letters(about).await).unwrap_or_default();
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
        let mut since = now.checked_sub_signed(LOOKED_BACK).unwrap_or(DateTime::UNIX_EPOCH);
        let mut fetched = self.schedules.fetched_slots(since, now).await?;
        let too_many = fetched.len().saturating_sub(MOST_BATCHES);
        if too_many > 0 {
            fetched.drain(..too_many);
            since = fetched.first().map_or(since, |oldest| oldest.slot.starts_at());
        }
        let ids: Vec<_> = fetched.into_iter().map(|one| one.batch).collect();
        let batches = self.records(&ids).await?;
        let schedules = self.schedules.schedules(Schedule::QUOTES, since).await?;
        let held = Held::between(&*self.schedules, &*self.ledger, (since, now)).await?;
        let paid = self.ledger.paid_since(since).await?;
        let credits = paid.iter().map(|paid| u64::from(paid.credits)).sum();
        Ok(Database { credits, ..database(&schedules, &held.slots, &batches, (since, now)) })
    }

    /// The batches of `ids`, newest first.
    async fn records(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        let mut records = records(&*self.ledger, ids).await?;
        records.sort_by(|one, other| (other.slot, &other.id).cmp(&(one.slot, &one.id)));
        Ok(records)
    }

    /// How many letters died, where they are fewer than the deaths.
    async fn letters(&self, about: &[About]) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut letters = BTreeMap::new();
        for About { group, since, deaths } in about.iter().filter(|one| one.deaths > 1).take(MOST_GROUPS) {
            let filter =
                LetterFilter { group: Some(group.clone()), since: *since, ..LetterFilter::default() };
            let counted = self.desk.count(&filter, MOST_LETTERS.min(*deaths)).await?.max(1);
            if counted < MOST_LETTERS.min(*deaths) {
                letters.insert(group.clone(), counted);
            }
        }
        Ok(letters)
    }
}

fn read<T>(found: Result<T, StoreError>) -> Option<T> {
    found.inspect_err(|error| warn!(%error, "a mail leaves out what could not be read")).ok()
}

#[cfg(test)]
mod tests {
    use domain::endpoint::HISTORY;
    use domain::{Class, DeadLetter, Doubt, Fetched, Slot, StageName, Verdict, header};
    use ports::{Clock, Store};
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, fetched, schedule};
    use testkit::memory::MemoryStore;

    use super::*;
    use crate::surroundings::Hole;

    fn bench() -> (Arc<ManualClock>, Arc<MemoryStore>, Survey) {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let survey = Survey {
            ledger: store.clone(),
            schedules: store.clone(),
            quotes: store.clone(),
            letters: store.clone(),
            desk: store.clone(),
            site: None,
            queue: None,
        };
        (clock, store, survey)
    }

    /// One that died in each of two replays, and one that died once before somebody was told.
    #[tokio::test]
    async fn letters_are_counted_where_one_died_again() {
        let (clock, store, survey) = bench();
        let file = async |id: &str, life: &str| {
            let mut letter = DeadLetter::incident(StageName::Loader, "broken", id, "it broke", clock.now());
            letter.class = Class::Poison;
            if !life.is_empty() {
                letter.headers.set(header::REPLAY_ID, life);
            }
            assert!(store.file(&letter, "one").await.unwrap());
            clock.advance(Duration::from_secs(1));
        };
        file("told", "").await;
        let since = Some(clock.now());
        file("again", "").await;
        file("again", "replay/1").await;
        file("again", "replay/2").await;
        let about = |deaths, since| [About { group: "one".to_owned(), since, deaths }];
        let counted =
            async |about: &[About]| survey.look(about, clock.now()).await.letters.get("one").copied();
        assert_eq!(counted(&about(3, since)).await, Some(1));
        assert_eq!(counted(&about(4, None)).await, Some(2));
        assert_eq!(counted(&about(1, since)).await, None, "one death is one letter");
    }

    /// A mail about quotes that are old comes minutes before the slots count as missing.
    #[tokio::test]
    async fn what_began_and_did_not_come_yet_is_named() {
        let (clock, store, survey) = bench();
        let each_minute = Schedule { every: Duration::from_mins(1), ..schedule(at(0)) };
        store.record_schedule(&each_minute).await.unwrap();
        store.record_fetched(&Fetched { slot: Slot::at(at(0)), ..fetched(1) }).await.unwrap();
        clock.advance(Duration::from_secs(150));
        let found = survey.look(&[], clock.now()).await.database.unwrap();
        let late = Hole::Late { first: Slot::at(at(60)), last: Slot::at(at(120)), count: 2 };
        assert!(found.holes.contains(&late), "{:?}", found.holes);
        assert_eq!((found.due, found.fetched), (Some(3), 1));
        clock.advance(Duration::from_mins(5));
        let found = survey.look(&[], clock.now()).await.database.unwrap();
        let is_missing = |hole: &Hole| matches!(hole, Hole::Slots { count: 1, .. });
        assert!(found.holes.iter().any(is_missing), "{:?}", found.holes);
    }

    /// As `coinpipe gaps` says it; and what was paid in the time counts, not what the time is about.
    #[tokio::test]
    async fn some_coins_of_the_past_fill_no_slot() {
        let (clock, store, survey) = bench();
        store.record_schedule(&schedule(at(0))).await.unwrap();
        clock.advance(Duration::from_mins(130));
        let fill = async |seconds, verdict| {
            let slot = Slot::at(at(seconds));
            let batch = BatchId::new(slot, HISTORY, &["USD".to_owned()]);
            let (endpoint, fetched_at) = (HISTORY.to_owned(), clock.now());
            let batch = Fetched { batch, slot, endpoint, fetched_at, credits: 7, verdict, ..fetched(1) };
            store.record_fetched(&batch).await.unwrap();
        };
        let slots_missing = async || {
            let found = survey.look(&[], clock.now()).await.database.unwrap();
            let missing = found.holes.iter().filter(|hole| matches!(hole, Hole::Slots { .. })).count();
            (found.due, missing, found.credits)
        };
        // That of two hours later began ten minutes ago.
        assert_eq!(slots_missing().await, (Some(3), 1, 0), "one hole of two slots");
        fill(0, Some(Verdict { doubt: Doubt::Incomplete, why: "2 coins of 200".to_owned() })).await;
        fill(3600, None).await;
        assert_eq!(slots_missing().await, (Some(3), 1, 14), "the second is filled");
        fill(-90 * 86_400, None).await;
        assert_eq!(slots_missing().await, (Some(3), 1, 21));
    }
}

//! Watches how old the newest quotes are, and keeps an incident about it: opened when they are older than they should be, closed
//! when they are fresh again.
//!
//! The age of a quote is that of its `last_updated`, as the API said it: a replay or a backfill that writes old quotes makes none
//! fresher.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::StaleAfter;
use domain::{Class, DeadLetter, Schedule, StageName, in_force, timestamp};
use ports::store::{AlertGroup, GroupState};
use ports::{Clock, Letters, Quotes, Schedules, StoreError};
use service::Stores;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::fingerprint::fingerprint;

/// How often the tables are looked at.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// After a start, or an outage of the store, the quotes that are due then are given this time to come.
const SETTLING: TimeDelta = TimeDelta::minutes(15);

/// The code of the letter.
const CODE: &str = "quotes_stale";

/// How the incident ends.
const ENDED: &str = "the quotes are fresh again";

/// Looks for quotes that are older than they should be.
pub struct StaleQuotes {
    quotes: Arc<dyn Quotes>,
    schedules: Arc<dyn Schedules>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    after: StaleAfter,
    every: Duration,
    watch: Mutex<Watch>,
}

/// What is known from look to look.
struct Watch {
    /// Since when the store has answered; `None` while it does not.
    since: Option<DateTime<Utc>>,
    /// Whether an incident may be open.
    may_be_open: bool,
}

/// Quotes that are too old.
struct Stale {
    /// The currencies, if they are known.
    currencies: Vec<String>,
    /// Whether those of other currencies are fresh.
    is_part: bool,
    after: TimeDelta,
    /// The newest quote of all.
    newest: Option<DateTime<Utc>>,
}

impl StaleQuotes {
    /// Files a letter about quotes that are older than `after` says for snapshots that are taken as often as the schedule in force
    /// says, or `every` so often while none is known.
    pub fn new(stores: &Stores, clock: Arc<dyn Clock>, after: StaleAfter, every: Duration) -> Self {
        Self {
            quotes: Arc::clone(&stores.quotes),
            schedules: Arc::clone(&stores.schedules),
            letters: Arc::clone(&stores.letters),
            clock,
            after,
            every,
            watch: Mutex::new(Watch { since: None, may_be_open: true }),
        }
    }

    /// Looks again and again until `stop`. While the store is away it waits.
    pub async fn run(&self, stop: CancellationToken) {
        let tell =
            |error: &StoreError| warn!(%error, "the age of the quotes is not seen while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(), tell).await;
    }

    /// Opens the incident when it is due, and closes it when the quotes are fresh.
    pub async fn look(&self) -> Result<(), StoreError> {
        let looked = self.look_once().await;
        if looked.is_err() {
            // What waited in the queue meanwhile comes when it is back.
            self.watch().since = None;
        }
        looked
    }

    async fn look_once(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let newest = self.quotes.freshness().await?.newest_quote_at;
        let stale = self.stale(now, newest).await?;
        let since = *self.watch().since.get_or_insert(now);
        let Some(stale) = stale else { return self.close().await };
        // Of a store that is empty, nobody knows when the first quotes are due.
        let patience = if newest.is_some() { SETTLING.min(stale.after) } else { stale.after };
        if now - since >= patience { self.open(&stale, now).await } else { Ok(()) }
    }

    /// The quotes that are too old at `now`.
    async fn stale(
        &self,
        now: DateTime<Utc>,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Option<Stale>, StoreError> {
        let schedules = self.schedules.schedules(Schedule::QUOTES, now).await?;
        let followed = in_force(&schedules).into_iter().filter(|one| one.schedule.since <= now);
        let followed: Vec<_> = followed.filter(|one| one.until.is_none_or(|until| until > now)).collect();
        let (mut currencies, mut longest, mut count) = (Vec::new(), TimeDelta::zero(), 0);
        for Schedule { every, convert, since, .. } in followed.iter().map(|one| one.schedule) {
            let Some(after) = self.allowed(*every) else { continue };
            // What it asks for may be new.
            if now - *since < after {
                continue;
            }
            for currency in convert {
                count += 1;
                if self.quotes.newest_in(currency, before(now, after)).await?.is_none() {
                    longest = longest.max(after);
                    currencies.push(currency.clone());
                }
            }
        }
        if !followed.is_empty() {
            let is_part = currencies.len() < count;
            let stale = Stale { currencies, is_part, after: longest, newest };
            return Ok(Some(stale).filter(|stale| !stale.currencies.is_empty()));
        }
        // Fetchers of older versions do not announce their schedule.
        let Some(after) = self.allowed(self.every) else { return Ok(None) };
        let is_stale = newest.is_none_or(|newest| newest < before(now, after));
        Ok(is_stale.then_some(Stale { currencies, is_part: false, after, newest }))
    }

    fn allowed(&self, every: Duration) -> Option<TimeDelta> {
        self.after.of(every).map(|after| TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX))
    }

    /// Files the letter, unless the incident is open.
    async fn open(&self, stale: &Stale, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.watch().may_be_open = true;
        if !self.groups().await?.is_empty() {
            return Ok(());
        }
        // The same for all alerters, and for as long as nothing newer comes.
        let occasion = match stale.newest {
            Some(newest) if !stale.is_part => timestamp::to_text(newest),
            _ => format!("{}/{}", stale.currencies.join(","), now.date_naive()),
        };
        let reason = stale.reason();
        let letter = DeadLetter::incident(StageName::Alerter, CODE, occasion, reason, now);
        let group = fingerprint(&letter);
        if self.letters.file(&letter, &group).await? {
            warn!(letter = %letter.id, group, code = CODE, "{}", letter.reason);
        }
        Ok(())
    }

    /// Resolves the incident, if it is open.
    async fn close(&self) -> Result<(), StoreError> {
        if !self.watch().may_be_open {
            return Ok(());
        }
        for group in self.groups().await? {
            if self.letters.resolve(&group.fingerprint, group.total, ENDED).await? {
                info!(group = group.fingerprint, code = CODE, "resolved: {ENDED}");
            }
        }
        self.watch().may_be_open = false;
        Ok(())
    }

    /// The incidents that are open.
    async fn groups(&self) -> Result<Vec<AlertGroup>, StoreError> {
        let mut groups = self.letters.groups(Some(GroupState::Open)).await?;
        groups.retain(|group| {
            group.stage == Some(StageName::Alerter) && group.class == Class::Incident && group.code == CODE
        });
        Ok(groups)
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stale {
    fn reason(&self) -> String {
        let after = self.after.to_std().unwrap_or_default();
        let mut reason = match self.newest {
            None => "there are no quotes".to_owned(),
            Some(_) => "the newest quotes are old".to_owned(),
        };
        if !self.currencies.is_empty() {
            let _ = write!(reason, " in {}", self.currencies.join(", "));
        }
        if let Some(newest) = self.newest {
            let which = if self.is_part { "the newest of all currencies are" } else { "they are" };
            let _ = write!(reason, ": {which} from {}", timestamp::to_text(newest));
        }
        let _ = write!(
            reason,
            ", and after {} somebody should know [alert.stale_after]; `coinpipe status` tells whether nothing is fetched, nothing is \
             loaded, or the API sends old quotes, and `coinpipe gaps` which snapshots are missing",
            humantime::format_duration(after)
        );
        reason
    }
}

/// `age` before `now`.
fn before(now: DateTime<Utc>, age: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(age).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;

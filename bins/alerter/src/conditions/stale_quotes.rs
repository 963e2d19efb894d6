//! Watches how old the newest quotes are, and how long ago a snapshot came whole.
//!
//! The age of a quote is that of its `last_updated`, as the API said it, and that of a snapshot is its slot's: a replay or a backfill
//! that writes old quotes makes none fresher.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use config::StaleAfter;
use domain::{InForce, Schedule, in_force, timestamp};
use ports::{Quotes, Schedules, StoreError};
use service::Stores;

use super::snapshots::Snapshots;
use super::{Condition, Finding, Look};

/// After a start, or an outage of the store, the quotes that are due then are given this time to come.
const SETTLING: TimeDelta = TimeDelta::minutes(15);

/// Looks for quotes that are older than they should be.
pub(super) struct StaleQuotes {
    quotes: Arc<dyn Quotes>,
    schedules: Arc<dyn Schedules>,
    snapshots: Snapshots,
    after: StaleAfter,
    every: Duration,
    /// Since when the store has answered; `None` while it does not.
    answers_since: Mutex<Option<DateTime<Utc>>>,
}

/// Quotes that are too old, or snapshots that do not come whole.
struct Stale {
    /// The currencies, if they are known.
    currencies: Vec<String>,
    /// Whether those of other currencies are fresh.
    is_part: bool,
    after: TimeDelta,
    /// The newest quote of all.
    newest: Option<DateTime<Utc>>,
    /// The newest of what is too old, if it is known.
    newest_old: Option<DateTime<Utc>>,
    /// The quotes may be fresh: it is snapshots that are not whole.
    lacks_snapshots: bool,
}

impl StaleQuotes {
    /// Tells of quotes that are older than `after` says for snapshots that are taken as often as the schedule in force says, or `every`
    /// so often while none is known.
    pub(super) fn new(stores: &Stores, after: StaleAfter, every: Duration) -> Self {
        Self {
            quotes: Arc::clone(&stores.quotes),
            schedules: Arc::clone(&stores.schedules),
            snapshots: Snapshots::new(Arc::clone(&stores.ledger), Arc::clone(&stores.schedules)),
            after,
            every,
            answers_since: Mutex::default(),
        }
    }

    async fn look_once(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let newest = self.quotes.freshness().await?.newest_quote_at;
        let stale = self.stale(now, newest).await?;
        let since = *self.answers_since().get_or_insert(now);
        let Some(stale) = stale else { return Ok(Look::Fine) };
        // Of a store that is empty, nobody knows when the first quotes are due.
        let patience = if newest.is_some() { SETTLING.min(stale.after) } else { stale.after };
        Ok(if now - since >= patience { Look::Wrong(stale.finding(now)) } else { Look::Unsure })
    }

    /// What is too old at `now`.
    async fn stale(
        &self,
        now: DateTime<Utc>,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Option<Stale>, StoreError> {
        let schedules = self.schedules.schedules(Schedule::QUOTES, now).await?;
        let followed = in_force(&schedules).into_iter().filter(|one| one.schedule.since <= now);
        let followed: Vec<_> = followed.filter(|one| one.until.is_none_or(|until| until > now)).collect();
        if !followed.is_empty() {
            return match self.late_snapshots(&followed, now, newest).await? {
                Some(late) => Ok(Some(late)),
                None => self.old_quotes(&followed, now, newest).await,
            };
        }
        // Fetchers of older versions do not announce their schedule.
        let Some(after) = self.after.of(self.every).map(delta) else { return Ok(None) };
        let is_stale = newest.is_none_or(|newest| newest < before(now, after));
        let stale = Stale {
            currencies: Vec::new(),
            is_part: false,
            after,
            newest,
            newest_old: newest,
            lacks_snapshots: false,
        };
        Ok(is_stale.then_some(stale))
    }

    /// The schedules of which no snapshot came whole for too long.
    async fn late_snapshots(
        &self,
        followed: &[InForce<'_>],
        now: DateTime<Utc>,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Option<Stale>, StoreError> {
        let (mut currencies, mut longest, mut newest_old) = (Vec::new(), TimeDelta::zero(), None);
        for schedule in followed.iter().map(|one| one.schedule) {
            let Some(after) = self.after.between_snapshots(schedule.every).map(delta) else { continue };
            // What it asks for may be new.
            if now - schedule.since < after {
                continue;
            }
            if let Some(late) = self.snapshots.late(schedule, after, now).await? {
                longest = longest.max(after);
                newest_old = newest_old.max(late.newest);
                currencies.extend_from_slice(&schedule.convert);
            }
        }
        let late =
            Stale { is_part: false, after: longest, newest, newest_old, lacks_snapshots: true, currencies };
        // Without any quote, that is what is said.
        Ok((newest.is_some() && !late.currencies.is_empty()).then_some(late))
    }

    /// The currencies whose newest quotes are too old.
    async fn old_quotes(
        &self,
        followed: &[InForce<'_>],
        now: DateTime<Utc>,
        newest: Option<DateTime<Utc>>,
    ) -> Result<Option<Stale>, StoreError> {
        let (mut currencies, mut longest, mut count) = (Vec::new(), TimeDelta::zero(), 0);
        let mut newest_old = None;
        for Schedule { every, convert, since, .. } in followed.iter().map(|one| one.schedule) {
            let Some(after) = self.after.of(*every).map(delta) else { continue };
            if now - *since < after {
                continue;
            }
            for currency in convert {
                count += 1;
                if self.quotes.newest_in(currency, before(now, after)).await?.is_none() {
                    let since = before(before(now, after), after);
                    newest_old = newest_old.max(self.quotes.newest_in(currency, since).await?);
                    longest = longest.max(after);
                    currencies.push(currency.clone());
                }
            }
        }
        let is_part = currencies.len() < count;
        let stale = Stale { currencies, is_part, after: longest, newest, newest_old, lacks_snapshots: false };
        Ok(Some(stale).filter(|stale| !stale.currencies.is_empty()))
    }

    fn answers_since(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.answers_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Condition for StaleQuotes {
    fn code(&self) -> &'static str {
        "quotes_stale"
    }

    fn end(&self) -> &'static str {
        "the quotes are fresh again"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let looked = self.look_once(now).await;
        if looked.is_err() {
            // What waited in the queue meanwhile comes when it is back.
            *self.answers_since() = None;
        }
        looked
    }
}

impl Stale {
    fn finding(&self, now: DateTime<Utc>) -> Finding {
        // The same for all alerters, and for as long as nothing newer comes.
        let since = self.newest_old.map_or_else(|| now.date_naive().to_string(), timestamp::to_text);
        let what = if self.lacks_snapshots { "snapshots/" } else { "" };
        let occasion = format!("{what}{}/{since}", self.currencies.join(","));
        Finding { occasion, reason: self.reason() }
    }

    fn reason(&self) -> String {
        let after = self.after.to_std().unwrap_or_default();
        let mut reason = match self.newest {
            _ if self.lacks_snapshots => "no snapshot came whole for too long".to_owned(),
            None => "there are no quotes".to_owned(),
            Some(_) => "the newest quotes are old".to_owned(),
        };
        if !self.currencies.is_empty() {
            let _ = write!(reason, " in {}", self.currencies.join(", "));
        }
        if let Some(newest) = self.newest {
            let which = if self.is_part || self.lacks_snapshots {
                "the newest of all currencies are"
            } else {
                "they are"
            };
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

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// `age` before `now`.
fn before(now: DateTime<Utc>, age: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(age).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;

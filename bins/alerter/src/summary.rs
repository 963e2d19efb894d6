//! A mail about how the last week or day was, so that silence means health: one for each period, however many alerters there are
//! and however often they start.

mod period;
mod slots;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::QuietHours;
use domain::{BatchId, Schedule, timestamp};
use ports::store::{FiledCounts, GroupState, OutboxState};
use ports::{Clock, Ledger, Letters, Outbox, Posting, Schedules, StoreError};
use service::{Held, Stores};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::policy::Posted;
use crate::report::{self, SummedUp};
use crate::transport::Channels;
pub(crate) use period::Period;
pub(crate) use slots::Slots;

/// How often it is looked whether a period is over.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// What was due at the end of a period may still be loaded for so long.
const LOADED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// In the id of each, and of no other mail.
const MARK: &str = "-summary-";

/// So many batches are read at once.
const AT_ONCE: usize = 500;

/// How a period was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Which.
    pub(crate) period: Period,
    /// Snapshots that were due, and those that are there.
    pub(crate) slots: Slots,
    /// Of those that are there, so many lack something.
    pub(crate) incomplete: u64,
    /// What went wrong.
    pub(crate) filed: FiledCounts,
    /// Credits that were paid in it, whatever for.
    pub(crate) credits: u64,
    /// Those that the plan has a month, if that is known.
    pub(crate) plan: Option<u64>,
    /// Groups that are open now.
    pub(crate) open: u64,
}

impl Totals {
    fn summed_up(&self) -> SummedUp {
        SummedUp {
            period: self.period.words(),
            due: self.slots.due,
            fetched: self.slots.fetched,
            incomplete: self.incomplete,
            letters: self.filed.letters,
            incidents: self.filed.incidents,
            credits: self.credits,
            plan: self.plan,
            open: self.open,
        }
    }
}

/// Posts the summaries.
pub struct Summaries {
    every: config::Summary,
    plan: Option<u64>,
    mail: config::Mail,
    quiet_hours: Option<QuietHours>,
    ledger: Arc<dyn Ledger>,
    schedules: Arc<dyn Schedules>,
    letters: Arc<dyn Letters>,
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
    channels: Channels,
    /// The last period that was told of, or of which there was nothing to tell.
    told: Mutex<Option<Period>>,
}

impl Summaries {
    /// Those that `config` asks for.
    pub(crate) fn new(
        config: &config::Config,
        stores: &Stores,
        clock: Arc<dyn Clock>,
        channels: Channels,
    ) -> Self {
        Self {
            every: config.alert.summary,
            plan: Some(config.alert.plan_credits).filter(|credits| *credits > 0),
            mail: config.mail.clone(),
            quiet_hours: config.alert.quiet_hours,
            ledger: Arc::clone(&stores.ledger),
            schedules: Arc::clone(&stores.schedules),
            letters: Arc::clone(&stores.letters),
            outbox: Arc::clone(&stores.outbox),
            clock,
            channels,
            told: Mutex::default(),
        }
    }

    /// Posts each when it is due, until `stop`. While the store is away it waits.
    pub async fn run(&self, stop: CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "nothing is summed up while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(), tell).await;
    }

    /// Posts the one that is due, if there is one.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(period) = Period::last(self.every, now - LOADED_WITHIN) else { return Ok(()) };
        let is_quiet = self.quiet_hours.is_some_and(|hours| hours.contain(now));
        if is_quiet || self.told() == Some(period) {
            return Ok(());
        }
        if self.is_told(period, now).await? || self.post(period, now).await? {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(period);
        }
        Ok(())
    }

    fn told(&self) -> Option<Period> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another process, or this one before it started anew, told of it.
    async fn is_told(&self, period: Period, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let installation = Mutex::new(String::new());
        let look = |state: &OutboxState| {
            installation.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&state.installation);
            None
        };
        self.outbox.post(now, &look).await?;
        let installation = installation.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.outbox.is_posted(&id(&installation, period)).await
    }

    /// Posts the mail about `period`; `false` while the caps keep it back.
    async fn post(&self, period: Period, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let totals = self.totals(period, now).await?;
        let was_anything_due = totals.slots.due.unwrap_or_default() + totals.slots.fetched > 0;
        if !was_anything_due && totals.filed == FiledCounts::default() {
            return Ok(true);
        }
        let is_capped = AtomicBool::new(false);
        let plan = |state: &OutboxState| {
            let posted = Posted::new(&state.mails, now);
            let capped = posted.last_hour >= u64::from(self.mail.max_per_hour)
                || posted.last_day >= u64::from(self.mail.max_per_day);
            is_capped.store(capped, Ordering::Relaxed);
            (!capped).then(|| self.posting(state, &totals, now))
        };
        if let Some(mail) = self.outbox.post(Posted::since(now, &self.mail), &plan).await? {
            info!(mail = mail.id, "posted: {}", mail.subject);
        }
        Ok(!is_capped.load(Ordering::Relaxed))
    }

    fn posting(&self, state: &OutboxState, totals: &Totals, now: DateTime<Utc>) -> Posting {
        let id = id(&state.installation, totals.period);
        let mail =
            |channel, id| report::summary_mail(&totals.summed_up(), channel, id, &state.installation, now);
        self.channels.posting(&id, Vec::new(), mail)
    }

    async fn totals(&self, period: Period, now: DateTime<Utc>) -> Result<Totals, StoreError> {
        let (from, to) = period.span();
        let mut schedules = self.schedules.schedules(Schedule::QUOTES, from).await?;
        schedules.retain(|schedule| schedule.since < to);
        let longest = schedules.iter().map(|schedule| schedule.every).max().unwrap_or_default();
        // A snapshot that somebody took by hand within the last slot stands for it.
        let span = (from, timestamp::later(to, longest));
        let held = Held::between(&*self.schedules, &*self.ledger, span).await?;
        let paid = self.ledger.paid_since(from).await?;
        let paid = paid.iter().filter(|paid| paid.fetched_at < to);
        let mut totals = Totals {
            period,
            slots: slots::count(&schedules, &held.slots, (from, to), now),
            incomplete: 0,
            filed: self.letters.count_filed(from, to).await?,
            credits: paid.map(|paid| u64::from(paid.credits)).sum(),
            plan: self.plan,
            open: self.letters.groups(Some(GroupState::Open)).await?.len() as u64,
        };
        let ids: Vec<BatchId> = held
            .slots
            .into_iter()
            .filter(|fetched| fetched.slot.starts_at() < to)
            .map(|fetched| fetched.batch)
            .collect();
        for ids in ids.chunks(AT_ONCE) {
            for batch in self.ledger.batches_of(ids).await? {
                totals.incomplete += u64::from(!batch.is_complete() || batch.lacks_coins());
            }
        }
        Ok(totals)
    }
}

/// The id of the mail about `period`: the same for all alerters.
fn id(installation: &str, period: Period) -> String {
    format!("coinpipe-{installation}{MARK}{}", period.name())
}

/// Whether the mail of this id is a summary.
pub(crate) fn is_summary(id: &str) -> bool {
    id.contains(MARK)
}

#[cfg(test)]
mod tests;

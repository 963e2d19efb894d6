//! What the key has left while the fetcher runs: asked for at the start and now and then, which costs nothing, and counted down
//! in between. Warns at 80 and 95 %, and refuses what could not be paid for whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use config::{OverBudget, Source};
use ports::Clock;
use tracing::{info, warn};

use super::budget::next_month;
use super::{Advice, Spending};
use crate::collect::client::{Client, KeyStatus};
use crate::collect::ending::GaveUp;
use crate::context::FetchContext;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::subject::Subject;

/// Shares of a limit, in percent, at which somebody is told.
const WARN_AT: [u64; 2] = [95, 80];
/// At the start nobody waits longer for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was left is not believed for longer when the API does not say it again: another plan, or a new month, may have begun.
const BELIEVED_FOR: TimeDelta = TimeDelta::days(1);

const HINT: &str = "ask for fewer coins with fetch.limit, or more rarely with fetch.every; fetch.over_budget = \"allow\" asks all the same";

/// The credits of one key.
pub(crate) struct Credits {
    spending: Mutex<Spending>,
    /// Whether credits are counted at all.
    is_counted: bool,
    over_budget: OverBudget,
    pause: Duration,
    incidents: Arc<Incidents>,
    clock: Arc<dyn Clock>,
    metrics: FetchMetrics,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    /// With what was spent since taken off.
    status: KeyStatus,
    asked_at: DateTime<Utc>,
}

/// What the snapshots to come leave over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    /// As much as anybody wants: the plan has no limit, or nobody is to care.
    Any,
    /// So many credits.
    Credits(u64),
    /// The API has not said what is left, or not for so long that it may have changed: a machine that slept, a month that began.
    Unknown,
}

impl Spare {
    /// Whether it pays for so many `credits`. What is not known pays for nothing.
    pub(crate) fn pays_for(self, credits: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Credits(spare) => credits <= spare,
            Self::Unknown => false,
        }
    }
}

impl Credits {
    /// The credits that `settings` plan to spend. Nothing is known yet.
    pub(crate) fn new(settings: &config::Fetch, incidents: Arc<Incidents>, context: &FetchContext) -> Self {
        let spending = Spending::of(settings, &context.market);
        let is_counted = settings.source != Source::Keyless;
        if is_counted {
            context.metrics.planned_credits(spending.a_snapshot(), spending.a_month());
        }
        Self {
            spending: Mutex::new(spending),
            is_counted,
            over_budget: settings.over_budget,
            // A few times a slot and at most once a minute: it counts as a request.
            pause: (settings.every / 4).clamp(Duration::from_mins(1), Duration::from_mins(15)),
            incidents,
            clock: Arc::clone(&context.clock),
            metrics: context.metrics.clone(),
            known: Mutex::default(),
        }
    }

    /// Asks what the key has left, waits for the answer for some seconds at most, and says how that fits the schedule.
    pub(crate) async fn begin(&self, client: &Client) {
        let Some(status) = self.ask(client).await else { return };
        let advice = Advice::new(&self.spending(), &status, self.clock.now());
        let counts = if status.simulated { ", as a simulator counts" } else { "" };
        match advice.plan.map(|plan| format!("{plan}{counts}")) {
            Some(plan) if advice.is_over && self.over_budget != OverBudget::Allow => warn!("{plan}"),
            Some(plan) => info!("{plan}"),
            None => {}
        }
        self.learn(status).await;
    }

    /// Asks what the key has left, for one snapshot that belongs to no schedule of ours.
    pub(crate) async fn look(&self, client: &Client) {
        if let Some(status) = self.ask(client).await {
            self.note(status).await;
        }
    }

    async fn ask(&self, client: &Client) -> Option<KeyStatus> {
        if client.is_keyless() {
            return None;
        }
        tokio::time::timeout(PATIENCE, client.key_status()).await.ok()?.ok()
    }

    /// Asks again and again, where there is a key.
    pub(crate) async fn watch(&self, client: &Client) {
        if client.is_keyless() {
            return;
        }
        loop {
            self.clock.sleep(self.pause).await;
            match client.key_status().await {
                Ok(status) => self.learn(status).await,
                Err(_) => self.metrics.credits_left(None, None),
            }
        }
    }

    /// What the API said now. Once a month somebody is told that the schedule costs too much.
    async fn learn(&self, status: KeyStatus) {
        let advice = Advice::new(&self.spending(), &status, self.clock.now());
        if let Some(plan) = advice.plan.filter(|_| advice.is_over && self.over_budget == OverBudget::Warn) {
            let reason = format!("the schedule costs more than the plan has: {plan}");
            self.incidents.report("over_budget", self.month(&status), &reason).await;
        }
        self.note(status).await;
    }

    /// Somebody is told what is nearly used up.
    async fn note(&self, status: KeyStatus) {
        let now = self.clock.now();
        let today = status.daily_left.filter(|_| status.daily_limit.is_some());
        self.metrics.credits_left(status.monthly_left, today);
        self.warn(status.monthly_limit, status.monthly_left, "month", &self.month(&status)).await;
        self.warn(status.daily_limit, today, "day", &now.date_naive().to_string()).await;
        *self.known() = Some(Known { status, asked_at: now });
    }

    /// Whether the API that was asked makes its data up; `None` before it answered.
    pub(crate) fn is_simulated(&self) -> Option<bool> {
        self.known().as_ref().map(|known| known.status.simulated)
    }

    /// The plan's month, by its end.
    fn month(&self, status: &KeyStatus) -> String {
        status.resets_at.unwrap_or_else(|| next_month(self.clock.now())).format("%Y-%m-%d").to_string()
    }

    async fn warn(&self, limit: Option<u64>, left: Option<u64>, period: &str, occasion: &str) {
        let (Some(limit), Some(left)) = (limit, left) else { return };
        let used = limit.saturating_sub(left);
        let reached = WARN_AT
            .into_iter()
            .find(|share| u128::from(used) * 100 >= u128::from(limit) * u128::from(*share));
        if let Some(share) = reached.filter(|_| limit > 0) {
            let reason = format!(
                "{share} % of the credits of the {period} are used: {used} of {limit}, {left} are left"
            );
            self.incidents.report(&format!("credits_{share}"), format!("{period}/{occasion}"), &reason).await;
        }
    }

    /// `credits` were spent.
    pub(crate) fn spend(&self, credits: u32) {
        self.metrics.spent(credits.into());
        if let Some(Known { status, .. }) = &mut *self.known() {
            for left in [&mut status.monthly_left, &mut status.daily_left].into_iter().flatten() {
                *left = left.saturating_sub(credits.into());
            }
        }
    }

    /// There are `listed` coins in all, as the API says.
    pub(crate) fn learn_listed(&self, listed: u32) {
        self.plan(self.spending().of_listed(listed));
    }

    fn plan(&self, spending: Spending) {
        *self.spending.lock().unwrap_or_else(PoisonError::into_inner) = spending;
        if self.is_counted {
            self.metrics.planned_credits(spending.a_snapshot(), spending.a_month());
        }
    }

    /// Each currency is asked for alone from now on.
    pub(crate) fn part_currencies(&self) {
        self.plan(self.spending().parted());
    }

    /// Whether what is known to be left pays for a page of so many `coins`, and for a snapshot after it.
    pub(crate) fn can_spare(&self, coins: u32) -> bool {
        let Some(status) = self.believed().filter(|_| self.over_budget != OverBudget::Allow) else {
            return true;
        };
        let spending = self.spending();
        let cost = spending.a_snapshot().saturating_add(spending.a_page(coins));
        let today = status.daily_left.filter(|_| status.daily_limit.is_some());
        [status.monthly_left, today].into_iter().flatten().all(|left| left >= cost)
    }

    /// Credits that the snapshots to come leave over, until the day's and the month's end.
    pub(crate) fn spare(&self) -> Spare {
        if self.over_budget == OverBudget::Allow || !self.is_counted {
            return Spare::Any;
        }
        let told = self.known().as_ref().map(|known| known.status.clone());
        let (Some(told), Some(status)) = (told, self.believed()) else { return Spare::Unknown };
        // What was left once, and is not believed any more.
        let is_gone = |told: Option<u64>, believed: Option<u64>| told.is_some() && believed.is_none();
        if is_gone(told.monthly_left, status.monthly_left) || is_gone(told.daily_left, status.daily_left) {
            return Spare::Unknown;
        }
        let (now, spending) = (self.clock.now(), self.spending());
        let month_ends = status.resets_at.filter(|at| *at > now).unwrap_or_else(|| next_month(now));
        let day_ends = now.date_naive().and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1);
        let today = status.daily_left.filter(|_| status.daily_limit.is_some());
        let left = [(status.monthly_left, month_ends), (today, day_ends)];
        let spare = left.into_iter().filter_map(|(left, ends)| {
            Some(left?.saturating_sub(spending.within((ends - now).to_std().unwrap_or_default())))
        });
        spare.min().map_or(Spare::Any, Spare::Credits)
    }

    /// Asks what the key has left, unless that is known.
    pub(crate) async fn know(&self, client: &Client) {
        if self.spare() == Spare::Unknown {
            self.look(client).await;
        }
    }

    /// The plan's month, by its end, as far as it is known.
    pub(crate) fn current_month(&self) -> String {
        self.month(&self.known().as_ref().map(|known| known.status.clone()).unwrap_or_default())
    }

    /// What is left, as far as that may still be so.
    fn believed(&self) -> Option<KeyStatus> {
        let Known { mut status, asked_at } = self.known().clone()?;
        let now = self.clock.now();
        let is_doubtful = asked_at > now || now - asked_at > BELIEVED_FOR;
        // What was left of a month or a day that is over says nothing.
        let month_ends = status.resets_at.unwrap_or_else(|| next_month(asked_at));
        if is_doubtful || month_ends <= now {
            status.monthly_left = None;
        }
        if is_doubtful || asked_at.date_naive() != now.date_naive() {
            status.daily_left = None;
        }
        Some(status)
    }

    /// Why nothing may be asked for now, as far as is known. A person who `watches` asked for one snapshot, not for a schedule.
    pub(crate) fn refusal(&self, subject: Subject, watches: bool) -> Option<GaveUp> {
        if self.over_budget == OverBudget::Allow {
            return None;
        }
        let status = self.believed()?;
        let advice = Advice::new(&self.spending(), &status, self.clock.now());
        let gave_up = |code: &str, reason, until| {
            Some(GaveUp { code: code.to_owned(), reason, hint: Some(HINT), until, lasts: true })
        };
        let short = match subject {
            Subject::Listings => advice.short,
            Subject::Market(kind) => {
                let cost = self.spending().a_batch(kind);
                Advice::short_of(cost, &format!("a batch of {kind}"), &status, self.clock.now())
            }
        };
        if let Some((reason, until)) = short {
            return gave_up("credits_short", reason, Some(until));
        }
        if self.over_budget == OverBudget::Refuse && advice.is_over && !watches {
            let reason =
                format!("fetch.over_budget refuses the schedule: {}", advice.plan.unwrap_or_default());
            return gave_up("over_budget", reason, None);
        }
        None
    }

    /// What is planned.
    pub(crate) fn spending(&self) -> Spending {
        *self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

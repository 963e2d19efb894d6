//! One batch: its pages, one after the other, into the spool.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::timestamp;
use stage::Point;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, warn};

use super::client::{FetchError, ListingsPage};
use super::doubts::Doubts;
use super::outcome::{Circumstances, Outcome};
use super::{Collector, Ending, GaveUp, Patience, hint};
use crate::progress::{NextTry, ProgressObserver, Step};
use crate::spool::{Calls, Manifest, PageRecord};
use crate::subject::Subject;
use crate::trace;

/// After a stop request, an answer that may have been paid for gets this long to arrive.
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// A long wait looks at the clock this often, because somebody may set it.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// Whom a batch is fetched for.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) patience: Patience,
    pub(crate) observer: &'a dyn ProgressObserver,
    pub(crate) stop: &'a CancellationToken,
}

/// The currencies are to be asked for one by one.
struct ToBeParted;

/// A batch to fetch, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct FetchJob<'a> {
    pub(crate) order: &'a Manifest,
    pub(crate) patience: Patience,
    pub(crate) observer: &'a dyn ProgressObserver,
    pub(crate) stop: &'a CancellationToken,
}

/// A wait before something is asked for again.
#[derive(Clone, Copy)]
pub(super) struct Wait<'a> {
    pub(super) again: Again,
    pub(super) code: &'a str,
    pub(super) reason: &'a str,
    pub(super) until: DateTime<Utc>,
    /// How often the batch, or its page, was tried, and is at most, if that is known.
    pub(super) tries: (u32, Option<u32>),
}

/// Why something is asked for again.
#[derive(Clone, Copy)]
pub(super) enum Again {
    /// The request failed.
    Failed,
    /// The page that came is in doubt.
    Doubted,
}

impl Again {
    fn in_log(self) -> &'static str {
        match self {
            Self::Failed => "a fetch failed and is tried again",
            Self::Doubted => "a page is asked for again",
        }
    }

    /// Read when it is over, too.
    fn in_letter(self, order: &Manifest, until: &str, most: Option<u32>) -> String {
        match self {
            Self::Failed => {
                format!("fetching {} failed; it is tried again, the first time at {until}", order.batch)
            }
            Self::Doubted => {
                let most = most.map(|most| format!(", {most} times in all at most")).unwrap_or_default();
                format!("a page of {} was in doubt and asked for again{most}", order.batch)
            }
        }
    }

    /// Whether what came was paid for.
    fn is_paid_again(self) -> bool {
        matches!(self, Self::Doubted)
    }
}

impl Collector {
    /// Fetches the pages of `order` that are not in the spool yet, which says by then that the slot is claimed. How the currencies are
    /// asked for may turn out on the way.
    pub(crate) async fn collect(&self, order: &mut Manifest, caller: Caller<'_>) -> Ending {
        let Caller { patience, observer, stop } = caller;
        if let Ok(ending) = self.collect_as(FetchJob { order, patience, observer, stop }).await {
            return ending;
        }
        order.calls = Calls::Each;
        for in_work in self.in_work().iter_mut().filter(|in_work| in_work.batch == order.batch) {
            in_work.calls = Calls::Each;
        }
        let parted = self.collect_as(FetchJob { order, patience, observer, stop }).await;
        // What is asked for one by one is not to be parted.
        parted.unwrap_or(Ending::Interrupted)
    }

    async fn collect_as(&self, job: FetchJob<'_>) -> Result<Ending, ToBeParted> {
        let FetchJob { order, observer, stop, .. } = job;
        let mut pages = match self.begin(job).await {
            Ok(pages) => pages,
            Err(ending) => return Ok(ending),
        };
        if pages.is_empty()
            && let Some(refusal) = self.credits.refusal(Subject::of(order), job.patience.is_watched())
        {
            return Ok(Ending::GaveUp(refusal));
        }
        let subject = Subject::of(order);
        let mut failures_in_all = 0;
        let mut failures_in_a_row = 0;
        let mut doubts = self.hopeless.begin();
        loop {
            let expected = order.pages_expected(&pages);
            let missing = (1..=expected).find(|&number| pages.iter().all(|page| page.page != number));
            let Some(number) = doubts.next().or(missing) else {
                self.hopeless.learn(doubts);
                return Ok(Ending::Complete(pages));
            };
            if stop.is_cancelled() {
                return Ok(Ending::Interrupted);
            }
            observer.step(Step::Fetching { page: number, pages: expected });
            self.crashes.pass(Point::Asking).await;
            let span = trace::asking(self.client.host(), number);
            let Some(answer) = self.ask(job, number).instrument(span.clone()).await else {
                return Ok(Ending::Interrupted);
            };
            match answer {
                Ok(mut page) => {
                    failures_in_a_row = 0;
                    self.waits.end().await;
                    self.credits.spend(page.credits);
                    if let Some(total) = page.total_count.filter(|total| *total > 0) {
                        self.credits.learn_listed(total);
                    }
                    self.crashes.pass(Point::Answered).await;
                    let taken = if subject == Subject::Listings {
                        if number == 1 {
                            page.body = self.drift.look(order, page.body, self.clock.now()).await;
                        }
                        self.take_page(job, number, page, &mut pages, &mut doubts).await
                    } else {
                        self.take_answer(job, number, page, &mut pages).await
                    };
                    if let Err(ending) = taken {
                        return Ok(ending);
                    }
                    self.crashes.pass(Point::Kept).await;
                }
                Err(error) => {
                    telemetry::trace::failed(&span, &error.to_string());
                    if self.is_to_be_parted(order, &pages, &error).await {
                        return Err(ToBeParted);
                    }
                    failures_in_all += 1;
                    failures_in_a_row += 1;
                    let held = pages.iter_mut().find(|page| page.page == number);
                    let is_held = held.is_some();
                    if let Some(held) = held
                        && let Err(ending) = self.keep_what_came(job, held, &mut doubts).await
                    {
                        return Ok(ending);
                    }
                    let expected = order.pages_expected(&pages);
                    if is_held && pages.len() >= expected as usize {
                        continue;
                    }
                    // A kind is asked for in one currency at a time.
                    let currencies =
                        if subject == Subject::Listings { order.currencies(number).len() } else { 1 };
                    let outcome = self.judge(&error, currencies, failures_in_a_row).await;
                    match self.wait_out(job, &error, outcome, failures_in_all).await {
                        // The pages that are missing have not failed yet.
                        Some(Ending::GaveUp(_)) if is_held => {}
                        Some(ending) => return Ok(ending),
                        None => {}
                    }
                }
            }
        }
    }

    /// A page that is there was asked for again, and the request failed: what came before is kept as it is.
    async fn keep_what_came(
        &self,
        job: FetchJob<'_>,
        held: &mut PageRecord,
        doubts: &mut Doubts,
    ) -> Result<(), Ending> {
        debug!(batch = %job.order.batch, page = held.page, "kept as it came: asking again failed");
        self.waits.end().await;
        let unpaid = doubts.give_up(held.page);
        if unpaid == 0 {
            return Ok(());
        }
        held.credits = held.credits.saturating_add(unpaid);
        self.restore_page(job, held).await
    }

    /// Asks for a page. `None` when asked to stop and no answer came in time.
    async fn ask(&self, job: FetchJob<'_>, number: u32) -> Option<Result<ListingsPage, FetchError>> {
        let FetchJob { order, stop, .. } = job;
        let answer = async {
            if let Subject::Market(kind) = Subject::of(order) {
                return self.ask_for(kind, order, number).await;
            }
            let convert = order.currencies(number);
            if order.ids.is_empty() {
                let (start, limit) = order.range(number);
                self.client.listings(start, limit, convert, order.api_version).await
            } else {
                self.client.quotes(order.ids_of(number), convert).await
            }
        };
        let stopped = async {
            stop.cancelled().await;
            self.clock.sleep(GRACE).await;
        };
        tokio::select! {
            answer = answer => Some(answer),
            () = stopped => None,
        }
    }

    pub(super) async fn judge(&self, error: &FetchError, currencies: usize, failures: u32) -> Outcome {
        let monthly_reset = if error.is_monthly_limit() {
            // Costs nothing, and says when the plan's month ends.
            self.client.key_status().await.ok().and_then(|status| status.resets_at)
        } else {
            None
        };
        let (now, jitter) = (self.clock.now(), fastrand::f64());
        let keyless = self.client.is_keyless();
        error.outcome(&Circumstances { now, failures, jitter, currencies, keyless, monthly_reset })
    }

    /// Waits out a failure; or says how the batch ends.
    pub(super) async fn wait_out(
        &self,
        job: FetchJob<'_>,
        error: &FetchError,
        outcome: Outcome,
        failures: u32,
    ) -> Option<Ending> {
        let FetchJob { order, patience, .. } = job;
        let now = self.clock.now();
        let code = error.code();
        let (until, reason, is_limit) = match outcome {
            Outcome::Stop { reason, hint: usual } => {
                let hint = Some(hint::hint(order, error, usual));
                let gave_up = GaveUp { code, reason, hint, until: None, lasts: true };
                return Some(Ending::GaveUp(gave_up));
            }
            Outcome::RetryLater { after, reason } => (now + after, reason, false),
            Outcome::WaitUntil { until, reason } => (until, reason, true),
        };
        if !patience.allows(until, now, failures) {
            let until = is_limit.then_some(until);
            return Some(Ending::GaveUp(GaveUp {
                code,
                reason,
                hint: error.pointer(),
                until,
                lasts: is_limit,
            }));
        }
        debug!(batch = %order.batch, code, until = timestamp::to_text(until), "{reason}");
        let tries = (failures, patience.most_tries());
        let wait = Wait { again: Again::Failed, code: &code, reason: &reason, until, tries };
        (!self.wait_told(job, wait).await).then_some(Ending::Interrupted)
    }

    /// Waits, and tells the operator why: whoever watches each time, the log and the dead letters the first time. `false` when
    /// asked to stop first.
    pub(super) async fn wait_told(&self, job: FetchJob<'_>, wait: Wait<'_>) -> bool {
        let FetchJob { order, patience, observer, stop } = job;
        let Wait { again, code, reason, until, tries: (made, most) } = wait;
        if made == 1 {
            let text = timestamp::to_text(until);
            if matches!(patience, Patience::UntilNextSlot(_)) {
                warn!(batch = %order.batch, code, until = text, "{}: {reason}", again.in_log());
            }
            let letter = format!("{}: {reason}", again.in_letter(order, &text, most));
            self.incidents.report_try(code, order, &letter).await;
        }
        let is_paid_again = again.is_paid_again() && self.credits.are_counted();
        let next = most.map(|most| NextTry { number: made + 1, most, is_paid_again });
        observer.step(Step::Waiting { until, reason, next });
        self.waits.begin(code, reason, self.clock.now(), until).await;
        self.wait_until(until, stop).await
    }

    /// Waits until the clock shows `until`, but no longer than it would have taken from now: a clock may be
    /// set back meanwhile. `false` when asked to stop first.
    pub(crate) async fn wait_until(&self, until: DateTime<Utc>, stop: &CancellationToken) -> bool {
        let left = || (until - self.clock.now()).to_std().unwrap_or_default();
        let mut budget = left();
        while !budget.is_zero() && !left().is_zero() {
            let nap = left().min(budget).min(CLOCK_CHECK);
            tokio::select! {
                () = stop.cancelled() => return false,
                () = self.clock.sleep(nap) => budget -= nap,
            }
        }
        !stop.is_cancelled()
    }
}

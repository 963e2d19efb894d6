//! Asking for the past: what calls for hours and for days have in common.
//!
//! Failures of the API, waits, credits and the disk are treated as those of a snapshot are.

use domain::Slot;
use tokio_util::sync::CancellationToken;

use super::client::FetchError;
use super::outcome::Outcome;
use super::snapshot::GRACE;
use super::{Collector, Ending, FetchJob, Missing, Pace, Patience};
use crate::history::PastCoins;
use crate::progress::ProgressObserver;
use crate::spool::{Manifest, blocking};

/// What helps when the API refuses to tell of the past.
const HINT: &str = "the key's plan may not reach so far back: the free plan has a month of hours and a year of days; begin later, or \
                    change the plan";
/// The same where error 1006 may mean two things.
const HINT_OR_ONE: &str = "the key's plan may not reach so far back (the free plan has a month of hours and a year of days), or not include \
                           several currencies in one call: begin later, set fetch.convert_calls = \"auto\", or change the plan";

/// For whom the past is asked for.
#[derive(Clone, Copy)]
pub(crate) struct PastJob<'a> {
    /// The coins, in their order.
    pub(crate) coins: &'a PastCoins,
    pub(crate) patience: Patience,
    pub(crate) observer: &'a dyn ProgressObserver,
    pub(crate) stop: &'a CancellationToken,
    /// How many calls a minute may be made, when somebody else asks with the same key.
    pub(crate) pace: Option<&'a Pace>,
}

impl Collector {
    /// Makes the spool ready for `window`, before anybody is told that it is filled.
    pub(crate) async fn begin_past(&self, job: PastJob<'_>, window: &[Slot]) -> Result<(), Ending> {
        let calls = self.past_calls();
        let order = |slot: &Slot| self.past_order(*slot, job.coins, calls);
        let orders: Vec<_> = window.iter().map(order).collect();
        let Some(first) = orders.first() else { return Ok(()) };
        let fetch = self.make_room(job, first, &orders).await?;
        let until = Some(job.patience.for_the_disk(self.clock.now()));
        let keep = async || self.keep_past_coins(job.coins).await;
        self.until_taken(fetch, "nothing is fetched", until, keep).await
    }

    /// The next call for `window`, [as the spool tells](Self::past_missing), however often the disk refuses.
    pub(crate) async fn missing_patiently(
        &self,
        job: PastJob<'_>,
        window: &[Slot],
    ) -> Result<Option<Missing>, Ending> {
        let PastJob { coins, patience, observer, stop, .. } = job;
        let Some(first) = window.first() else { return Ok(None) };
        let order = self.past_order(*first, coins, self.past_calls());
        let fetch = FetchJob { order: &order, patience, observer, stop };
        let until = Some(patience.for_the_disk(self.clock.now()));
        let look = async || self.past_missing(window, coins).await;
        self.until_taken(fetch, "nothing is fetched", until, look).await
    }

    /// Makes sure that the disk takes the batches of `orders` before anything is paid for. Returns the job of the call.
    pub(super) async fn make_room<'j>(
        &self,
        job: PastJob<'j>,
        first: &'j Manifest,
        orders: &[Manifest],
    ) -> Result<FetchJob<'j>, Ending> {
        let PastJob { patience, observer, stop, .. } = job;
        let fetch = FetchJob { order: first, patience, observer, stop };
        let until = Some(patience.for_the_disk(self.clock.now()));
        let make = async || {
            let orders = orders.to_vec();
            blocking(&self.spool, move |spool| orders.iter().try_for_each(|order| spool.make_room(order)))
                .await
        };
        self.until_taken(fetch, "nothing is fetched", until, make).await?;
        Ok(fetch)
    }

    /// Asks until there is an answer, or waiting makes no sense. `None`: the API refused the currencies of `orders`, whose first is the
    /// job's, in one call, and each is asked for alone from now on.
    pub(super) async fn until_answered<T>(
        &self,
        PastJob { pace, .. }: PastJob<'_>,
        job: FetchJob<'_>,
        orders: &[Manifest],
        ask: impl AsyncFn() -> Result<T, FetchError>,
    ) -> Result<Option<T>, Ending> {
        let FetchJob { order, observer, stop, .. } = job;
        let mut failures = 0;
        loop {
            if stop.is_cancelled() {
                return Err(Ending::Interrupted);
            }
            if let Some(pace) = pace
                && !pace.take(&*self.clock, observer, stop).await
            {
                return Err(Ending::Interrupted);
            }
            let stopped = async {
                stop.cancelled().await;
                self.clock.sleep(GRACE).await;
            };
            let answer = tokio::select! {
                answer = ask() => answer,
                () = stopped => return Err(Ending::Interrupted),
            };
            let error = match answer {
                Ok(answer) => {
                    self.waits.end().await;
                    self.confirm_past_calls(order).await;
                    return Ok(Some(answer));
                }
                Err(error) => error,
            };
            if self.may_be_parted(order, &error) && self.part_past(job, orders).await? {
                return Ok(None);
            }
            failures += 1;
            let mut outcome = self.judge(&error, order.currencies(1).len(), failures).await;
            if let Outcome::Stop { hint, .. } = &mut outcome {
                if error.refuses_currencies() {
                    self.unlearn_past_calls();
                }
                *hint = match error.code().as_str() {
                    "api_1006" if order.currencies(1).len() > 1 => HINT_OR_ONE,
                    // It says so itself.
                    "http_400" if error.refuses_currencies() => *hint,
                    "api_1006" | "http_400" | "http_403" => HINT,
                    _ => *hint,
                };
            }
            if let Some(ending) = self.wait_out(job, &error, outcome, failures).await {
                return Err(ending);
            }
        }
    }
}

//! Asking for the past: one call, whose answer is in the spool when it returns, parted by slot.
//!
//! Failures of the API, waits, credits and the disk are treated as those of a snapshot are.

use domain::{Bytes, Slot, compress_body, timestamp};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::client::{FetchError, ListingsPage};
use super::outcome::Outcome;
use super::snapshot::GRACE;
use super::{Collector, Ending, FetchJob, Missing, Pace, Patience};
use crate::history::{KnownCoin, part};
use crate::progress::{ProgressObserver, Step};
use crate::spool::{Manifest, PageRecord, blocking};

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
    pub(crate) coins: &'a [KnownCoin],
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
        let order = |slot: &Slot| self.past_order(*slot, job.coins.len(), calls);
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
        let order = self.past_order(*first, coins.len(), self.past_calls());
        let fetch = FetchJob { order: &order, patience, observer, stop };
        let until = Some(patience.for_the_disk(self.clock.now()));
        let look = async || self.past_missing(window, coins.len()).await;
        self.until_taken(fetch, "nothing is fetched", until, look).await
    }

    /// Makes the call that is `missing`: for the quotes of the coins of a page at some hours. Returns the credits that it cost. When the
    /// API refuses several currencies in one call, it costs nothing, and each is asked for alone from the next call on.
    pub(crate) async fn ask_hours(&self, job: PastJob<'_>, missing: &Missing) -> Result<u32, Ending> {
        let Missing { page, slots, calls } = missing;
        let order = |slot: &Slot| self.past_order(*slot, job.coins.len(), *calls);
        let orders: Vec<_> = slots.iter().map(order).collect();
        let (Some(first), Some(last)) = (orders.first(), slots.last()) else { return Ok(0) };
        let (page, fetch) = (*page, self.make_room(job, first, &orders).await?);
        let (start, count) = first.range(page);
        let asked = job.coins.iter().skip(start as usize - 1).take(count as usize);
        let ids: Vec<u32> = asked.map(|coin| coin.id).collect();
        let convert = first.currencies(page);
        job.observer.step(Step::Fetching { page, pages: first.pages_in_all() });
        let span = (first.slot, *last);
        let ask = async || self.client.quotes_historical(&ids, span, convert).await;
        let Some(past) = self.until_answered(job, fetch, &orders, ask).await? else { return Ok(0) };
        self.credits.spend(past.credits);
        let received_at = timestamp::to_millis(self.clock.now());
        let parted = part(&past, slots, job.coins, convert, received_at);
        for (order, part) in orders.iter().zip(parted) {
            let record = PageRecord {
                page,
                asked: count,
                rows: part.rows,
                total_count: Some(order.limit),
                credits: part.credits,
                fetched_at: received_at,
                simulated: past.simulated,
            };
            let body = part.body;
            let body = Bytes::from(blocking(&self.spool, move |_| compress_body(&body)).await);
            self.put_page(FetchJob { order, ..fetch }, &record, body).await?;
        }
        info!(
            from = %first.slot, slot_count = slots.len(), coin_count = ids.len(), credits = past.credits,
            "fetched hours of the past"
        );
        Ok(past.credits)
    }

    /// Asks for the pages of the day that ends at `slot` which are not there. Returns the credits that they cost.
    pub(crate) async fn ask_day(&self, job: PastJob<'_>, slot: Slot) -> Result<u32, Ending> {
        let Some(day) = slot.starts_at().date_naive().pred_opt() else { return Ok(0) };
        let mut spent = 0u32;
        loop {
            let order = self.day_order_patiently(job, slot).await?;
            let orders = [order.clone()];
            let fetch = self.make_room(job, &order, &orders).await?;
            let until = Some(job.patience.for_the_disk(self.clock.now()));
            let pages = self
                .until_taken(fetch, "nothing is fetched", until, async || self.pages_of(&order).await)
                .await?;
            let expected = order.pages_expected(&pages);
            let missing = (1..=expected).find(|number| pages.iter().all(|page| page.page != *number));
            let Some(number) = missing else { return Ok(spent) };
            job.observer.step(Step::Fetching { page: number, pages: expected });
            let ((start, limit), convert) = (order.range(number), order.currencies(number));
            let ask = async || self.client.listings_historical(day, start, limit, convert).await;
            // Without an answer each currency is asked for alone.
            let Some(page): Option<ListingsPage> = self.until_answered(job, fetch, &orders, ask).await?
            else {
                continue;
            };
            self.credits.spend(page.credits);
            spent = spent.saturating_add(page.credits);
            let record = self.to_record(&order, number, &page);
            self.store_page(fetch, &record, page).await?;
            info!(%day, page = number, coin_count = record.rows, credits = record.credits, "fetched a day of the past");
        }
    }

    /// What is asked for to fill `slot` with a day, as it was begun, however often the disk refuses to tell.
    async fn day_order_patiently(&self, job: PastJob<'_>, slot: Slot) -> Result<Manifest, Ending> {
        let PastJob { patience, observer, stop, .. } = job;
        let order = self.day_order(slot, self.past_calls());
        let fetch = FetchJob { order: &order, patience, observer, stop };
        let until = Some(patience.for_the_disk(self.clock.now()));
        let look = async || self.past_calls_of(&[slot]).await;
        let calls = self.until_taken(fetch, "nothing is fetched", until, look).await?;
        Ok(self.day_order(slot, calls))
    }

    /// Makes sure that the disk takes the batches of `orders` before anything is paid for. Returns the job of the call.
    async fn make_room<'j>(
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
    async fn until_answered<T>(
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

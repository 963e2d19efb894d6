//! Asking for the past: one call, whose answer is in the spool when it returns, parted by slot.
//!
//! Failures of the API, waits, credits and the disk are treated as those of a snapshot are.

use domain::{Bytes, Slot, compress_body, timestamp};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::client::{FetchError, ListingsPage};
use super::outcome::Outcome;
use super::snapshot::GRACE;
use super::{Collector, Ending, FetchJob, Patience};
use crate::history::{COINS_A_CALL, KnownCoin, part};
use crate::progress::{ProgressObserver, Step};
use crate::spool::{Manifest, PageRecord, blocking};

/// What helps when the API refuses to tell of the past.
const HINT: &str = "the key's plan may not reach so far back: the free plan has a month of hours and a year of days; begin later, or \
                    change the plan";

/// For whom the past is asked for.
#[derive(Clone, Copy)]
pub(crate) struct PastJob<'a> {
    /// The coins, in their order.
    pub(crate) coins: &'a [KnownCoin],
    pub(crate) patience: Patience,
    pub(crate) observer: &'a dyn ProgressObserver,
    pub(crate) stop: &'a CancellationToken,
}

impl Collector {
    /// Makes the spool ready for `window`, before anybody is told that it is filled.
    pub(crate) async fn begin_past(&self, job: PastJob<'_>, window: &[Slot]) -> Result<(), Ending> {
        let orders: Vec<_> = window.iter().map(|slot| self.past_order(*slot, job.coins.len())).collect();
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
    ) -> Result<Option<(u32, Vec<Slot>)>, Ending> {
        let PastJob { coins, patience, observer, stop } = job;
        let Some(first) = window.first() else { return Ok(None) };
        let order = self.past_order(*first, coins.len());
        let fetch = FetchJob { order: &order, patience, observer, stop };
        let until = Some(patience.for_the_disk(self.clock.now()));
        let look = async || self.past_missing(window, coins.len()).await;
        self.until_taken(fetch, "nothing is fetched", until, look).await
    }

    /// Asks for page `page` of the batches of `slots`, hours that follow one another but for those that are there: for the quotes of
    /// its coins at those hours. Returns the credits that it cost.
    pub(crate) async fn ask_hours(&self, job: PastJob<'_>, page: u32, slots: &[Slot]) -> Result<u32, Ending> {
        let orders: Vec<_> = slots.iter().map(|slot| self.past_order(*slot, job.coins.len())).collect();
        let (Some(first), Some(last)) = (orders.first(), slots.last()) else { return Ok(0) };
        let fetch = self.make_room(job, first, &orders).await?;
        let (start, count) = first.range(page);
        let asked = job.coins.iter().skip(start as usize - 1).take(count as usize);
        let ids: Vec<u32> = asked.map(|coin| coin.id).collect();
        let pages = first.limit.div_ceil(COINS_A_CALL);
        job.observer.step(Step::Fetching { page, pages });
        let span = (first.slot, *last);
        let past = self
            .until_answered(fetch, async || self.client.quotes_historical(&ids, span, &first.convert).await)
            .await?;
        self.credits.spend(past.credits);
        let received_at = timestamp::to_millis(self.clock.now());
        let parted = part(&past, slots, job.coins, &first.convert, received_at);
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
        let order = self.day_order(slot);
        let orders = [order.clone()];
        let fetch = self.make_room(job, &order, &orders).await?;
        let Some(day) = slot.starts_at().date_naive().pred_opt() else { return Ok(0) };
        let mut spent = 0u32;
        loop {
            let until = Some(job.patience.for_the_disk(self.clock.now()));
            let pages = self
                .until_taken(fetch, "nothing is fetched", until, async || self.pages_of(&order).await)
                .await?;
            let expected = order.pages_expected(&pages);
            let missing = (1..=expected).find(|number| pages.iter().all(|page| page.page != *number));
            let Some(number) = missing else { return Ok(spent) };
            job.observer.step(Step::Fetching { page: number, pages: expected });
            let (start, limit) = order.range(number);
            let page: ListingsPage = self
                .until_answered(fetch, async || {
                    self.client.listings_historical(day, start, limit, &order.convert).await
                })
                .await?;
            self.credits.spend(page.credits);
            spent = spent.saturating_add(page.credits);
            let record = self.to_record(&order, number, &page);
            self.store_page(fetch, &record, page).await?;
            info!(%day, page = number, coin_count = record.rows, credits = record.credits, "fetched a day of the past");
        }
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

    /// Asks until there is an answer, or waiting makes no sense.
    async fn until_answered<T>(
        &self,
        job: FetchJob<'_>,
        ask: impl AsyncFn() -> Result<T, FetchError>,
    ) -> Result<T, Ending> {
        let mut failures = 0;
        loop {
            if job.stop.is_cancelled() {
                return Err(Ending::Interrupted);
            }
            let stopped = async {
                job.stop.cancelled().await;
                self.clock.sleep(GRACE).await;
            };
            let answer = tokio::select! {
                answer = ask() => answer,
                () = stopped => return Err(Ending::Interrupted),
            };
            let error = match answer {
                Ok(answer) => {
                    self.waits.end().await;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            failures += 1;
            let mut outcome = self.judge(&error, job.order.convert.len(), failures).await;
            if let Outcome::Stop { hint, .. } = &mut outcome
                && matches!(error.code().as_str(), "api_1006" | "http_400" | "http_403")
            {
                *hint = HINT;
            }
            if let Some(ending) = self.wait_out(job, &error, outcome, failures).await {
                return Err(ending);
            }
        }
    }
}

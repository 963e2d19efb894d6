//! Days of the past: each is a listing, which is asked for and looked at page by page as one of a snapshot is.

use domain::Slot;
use tracing::info;

use super::client::ListingsPage;
use super::{Collector, Ending, FetchJob, PastJob};
use crate::history::{Currencies, call_credits};
use crate::judge::words;
use crate::progress::Step;
use crate::spool::{Manifest, PageRecord};

impl Collector {
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
            let mut tries = 0;
            let mut best: Option<(PageRecord, ListingsPage)> = None;
            let mut credits = 0u32;
            let whole = loop {
                // Without an answer each currency is asked for alone.
                let Some(page): Option<ListingsPage> = self.until_answered(job, fetch, &orders, ask).await?
                else {
                    break false;
                };
                self.credits.spend(page.credits);
                (tries, credits) = (tries + 1, credits.saturating_add(page.credits));
                let (record, page, findings) = self.look_at_day(&order, number, page, &pages).await;
                if best.as_ref().is_none_or(|(held, _)| record.rows > held.rows) {
                    best = Some((record, page));
                }
                let reason = words(&findings);
                if findings.is_empty() || !self.asks_past_again(fetch, (tries, limit), &reason).await? {
                    break true;
                }
            };
            spent = spent.saturating_add(credits);
            let Some((record, page)) = best.filter(|_| whole) else { continue };
            let record = PageRecord { credits, ..record };
            self.store_page(fetch, &record, page).await?;
            info!(%day, page = number, coin_count = record.rows, credits = record.credits, "fetched a day of the past");
            let price = call_credits(limit as usize, 1, Currencies::together(convert.len()));
            self.check_past_price(price.saturating_mul(tries.into()), credits).await?;
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
}

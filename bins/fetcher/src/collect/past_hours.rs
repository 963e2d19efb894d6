//! Hours of the past: one call, whose answer is in the spool when it returns, parted by slot.

use domain::{Bytes, Slot, compress_body, timestamp};
use tracing::info;

use super::{Collector, Ending, FetchJob, Missing, PastJob};
use crate::history::{Parted, part, shares};
use crate::judge::lacks_past;
use crate::progress::Step;
use crate::spool::{PageRecord, blocking};

impl Collector {
    /// Makes the call that is `missing`: for the quotes of the coins of a page at some hours. Returns the credits that it cost. When the
    /// API refuses several currencies in one call, it costs nothing, and each is asked for alone from the next call on.
    pub(crate) async fn ask_hours(&self, job: PastJob<'_>, missing: &Missing) -> Result<u32, Ending> {
        let Missing { page, slots, calls } = missing;
        let order = |slot: &Slot| self.past_order(*slot, job.coins, *calls);
        let orders: Vec<_> = slots.iter().map(order).collect();
        let (Some(first), Some(last)) = (orders.first(), slots.last()) else { return Ok(0) };
        let (page, fetch) = (*page, self.make_room(job, first, &orders).await?);
        let ((_, asked), ids) = (first.range(page), first.ids_of(page));
        let convert = first.currencies(page);
        job.observer.step(Step::Fetching { page, pages: first.pages_in_all() });
        let span = (first.slot, *last);
        let ask = async || self.client.quotes_historical(ids, span, convert).await;
        let (mut tries, mut credits, mut best) = (0u32, 0u32, Vec::new());
        let (received_at, simulated) = loop {
            let Some(past) = self.until_answered(job, fetch, &orders, ask).await? else { return Ok(credits) };
            self.credits.spend(past.credits);
            (tries, credits) = (tries + 1, credits.saturating_add(past.credits));
            let received_at = timestamp::to_millis(self.clock.now());
            let parted = part(&past, slots, job.coins.coins(), convert, received_at);
            let lacking = parted.iter().filter(|part| lacks_past(part.rows, part.there, asked, &self.judge));
            let (lacking, of) = (lacking.count(), parted.len());
            if best.is_empty() || rows_of(&parted) > rows_of(&best) {
                best = parted;
            }
            let reason = format!(
                "the API's history lacks coins: {lacking} of {of} hours from {} on do not have all that they should of the {asked} \
                 coins that were asked for",
                first.slot
            );
            if lacking == 0 || !self.asks_past_again(fetch, (tries, asked), &reason).await? {
                break (received_at, past.simulated);
            }
        };
        for ((order, part), credits) in orders.iter().zip(best).zip(shares(credits, orders.len())) {
            let record = PageRecord {
                page,
                asked,
                rows: part.rows,
                total_count: Some(part.there),
                credits,
                fetched_at: received_at,
                simulated,
            };
            let body = part.body;
            let body = Bytes::from(blocking(&self.spool, move |_| compress_body(&body)).await);
            self.put_page(FetchJob { order, ..fetch }, &record, body).await?;
        }
        info!(
            from = %first.slot, slot_count = slots.len(), coin_count = ids.len(), credits,
            "fetched hours of the past"
        );
        let price = self.price_of_call(missing, job.coins);
        self.check_past_price(price.saturating_mul(tries.into()), credits).await?;
        Ok(credits)
    }
}

fn rows_of(parted: &[Parted]) -> u64 {
    parted.iter().map(|part| u64::from(part.rows)).sum()
}

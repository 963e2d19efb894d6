//! Asking for the past in several currencies on a plan that answers in one a request. It is learned apart from what is learned of
//! listings: a plan that does not reach the past refuses it in the same words, and that is no reason to pay more for snapshots.

use std::sync::atomic::{AtomicBool, Ordering};

use config::ConvertCalls;
use domain::Slot;
use tracing::warn;

use super::client::FetchError;
use super::{Collector, Ending, FetchJob};
use crate::history::Currencies;
use crate::spool::{Calls, Manifest, SpoolError, blocking};

/// What was learned about the past.
#[derive(Default)]
pub(super) struct PastCalls {
    /// The API refused several currencies in one request, as it seems.
    is_refused: AtomicBool,
    /// And answered in one; somebody was told.
    is_known: AtomicBool,
}

impl Collector {
    /// How the currencies of the past are asked for where nothing was begun.
    pub(crate) fn past_calls(&self) -> Calls {
        let is_refused = self.settings.convert_calls == ConvertCalls::Auto
            && self.past_calls.is_refused.load(Ordering::Relaxed);
        if is_refused && self.settings.convert.len() > 1 { Calls::Each } else { self.calls() }
    }

    /// How those of `slots` are asked for: as they were begun.
    pub(crate) async fn past_calls_of(&self, slots: &[Slot]) -> Result<Calls, SpoolError> {
        if self.settings.convert.len() < 2 {
            return Ok(Calls::One);
        }
        let batches = self.batches().await?;
        let is_begun =
            |batch: &&Manifest| batch.is_history() && batch.pages.is_none() && slots.contains(&batch.slot);
        Ok(batches.iter().find(is_begun).map_or_else(|| self.past_calls(), |batch| batch.calls))
    }

    /// The currencies as `calls` says that they are asked for.
    pub(crate) fn past_currencies(&self, calls: Calls) -> Currencies {
        let count = self.settings.convert.len();
        match calls {
            Calls::One => Currencies::together(count),
            Calls::Each => Currencies::alone(count),
        }
    }

    /// Whether `error` refuses to answer `order` in several currencies, as far as it tells: then each is asked for alone.
    pub(super) fn may_be_parted(&self, order: &Manifest, error: &FetchError) -> bool {
        error.refuses_currencies()
            && order.calls == Calls::One
            && order.convert.len() > 1
            && self.settings.convert_calls != ConvertCalls::One
    }

    /// Has each currency of the batches of `orders` asked for alone; `false` when one has a page already, so that something else is refused.
    pub(super) async fn part_past(&self, job: FetchJob<'_>, orders: &[Manifest]) -> Result<bool, Ending> {
        for order in orders {
            let until = Some(job.patience.for_the_disk(self.clock.now()));
            let look = async || self.pages_of(order).await;
            if !self.until_taken(job, "nothing is fetched", until, look).await?.is_empty() {
                return Ok(false);
            }
        }
        let until = Some(job.patience.for_the_disk(self.clock.now()));
        let write = async || {
            let orders: Vec<_> =
                orders.iter().map(|order| Manifest { calls: Calls::Each, ..order.clone() }).collect();
            blocking(&self.spool, move |spool| orders.iter().try_for_each(|order| spool.put_manifest(order)))
                .await
        };
        self.until_taken(job, "nothing is fetched", until, write).await?;
        self.past_calls.is_refused.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// The API refused one currency, too: so it was something else.
    pub(super) fn unlearn_past_calls(&self) {
        if !self.past_calls.is_known.load(Ordering::Relaxed) {
            self.past_calls.is_refused.store(false, Ordering::Relaxed);
        }
    }

    /// The API answered in one currency, having refused several.
    pub(super) async fn confirm_past_calls(&self, order: &Manifest) {
        let is_news = self.past_calls.is_refused.load(Ordering::Relaxed)
            && order.calls == Calls::Each
            && !self.past_calls.is_known.swap(true, Ordering::Relaxed);
        if is_news {
            let reason = format!(
                "the API does not tell of the past in several currencies at once, so each of {} is asked for alone from now on, which \
                 costs as much for each as for the first; fetch.convert_calls = \"each\" does so from the start",
                order.convert.join(", "),
            );
            warn!(batch = %order.batch, "{reason}");
            let occasion = format!("history/{}", order.convert.join(","));
            self.incidents.report("one_currency_a_request", occasion, &reason).await;
        }
    }
}

//! Several currencies on a plan that allows one in a request: learned from the API's refusal, told, and gone on with.

use std::sync::atomic::{AtomicBool, Ordering};

use config::ConvertCalls;
use tracing::warn;

use super::Collector;
use super::client::FetchError;
use crate::spool::{Calls, Manifest, PageRecord};
use crate::subject::Subject;

/// Whether the API refused several currencies in one request.
#[derive(Default)]
pub(super) struct Refused(AtomicBool);

impl Collector {
    /// How the currencies of the next batch are asked for.
    pub(super) fn calls(&self) -> Calls {
        let each = match self.settings.convert_calls {
            ConvertCalls::One => false,
            ConvertCalls::Each => true,
            ConvertCalls::Auto => self.refused.0.load(Ordering::Relaxed),
        };
        if each && self.settings.convert.len() > 1 { Calls::Each } else { Calls::One }
    }

    /// Learns from what an earlier run left half fetched.
    pub(super) fn learn_calls(&self, batches: &[Manifest]) {
        // What was learned of the past is of the past alone.
        let is_begun = |batch: &Manifest| !batch.is_history() && batch.pages.is_none();
        if batches.iter().any(|batch| batch.calls == Calls::Each && is_begun(batch)) {
            self.refuse();
        }
    }

    /// Whether `error` refuses to answer `order` in several currencies, so that each has requests of its own from now on. Somebody is told
    /// what that costs.
    pub(super) async fn is_to_be_parted(
        &self,
        order: &Manifest,
        pages: &[PageRecord],
        error: &FetchError,
    ) -> bool {
        let is_refused = error.refuses_currencies()
            && self.settings.convert_calls == ConvertCalls::Auto
            && order.calls == Calls::One
            && order.convert.len() > 1
            && Subject::of(order) == Subject::Listings
            && pages.is_empty();
        if is_refused {
            let before = self.credits.spending();
            self.refuse();
            let now = self.credits.spending();
            let reason = format!(
                "the API does not answer in several currencies at once, so each of {} is asked for alone from now on: {} credits a \
                 snapshot, not {}, and {} in 30 days; fetch.convert_calls = \"each\" does so from the start ({error})",
                order.convert.join(", "),
                now.a_snapshot(),
                before.a_snapshot(),
                now.a_month(),
            );
            warn!(batch = %order.batch, "{reason}");
            self.incidents.report("one_currency_a_request", order.convert.join(","), &reason).await;
        }
        is_refused
    }

    fn refuse(&self) {
        self.refused.0.store(true, Ordering::Relaxed);
        self.credits.part_currencies();
    }
}

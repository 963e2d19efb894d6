//! A slot that is claimed: its pages, as long as it lasts, and what is said when they do not come.

use crate::metrics::SnapshotEnd;
use domain::{Slot, timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error};

use crate::fetcher::Fetcher;
use crate::schedule;
use crate::snapshot::{Ending, Errand, GaveUp, Patience};
use crate::standing::Standing;
use crate::trace;
use crate::watch::Unwatched;

impl Fetcher {
    /// Does for `slot`, which this fetcher claimed, what can be done, and seals it.
    pub(crate) async fn serve(&self, slot: Slot, standing: &mut Standing, stop: &CancellationToken) {
        let now = self.clock.now();
        let mut order = self.order(slot);
        let span = trace::fetching(&mut order);
        let patience = Patience::UntilNextSlot(schedule::end_of(slot, self.settings.every));
        let errand = Errand { order: &order, patience, watch: &Unwatched, stop };
        *self.in_work() = Some(order.clone());
        match self.gather(errand).instrument(span.clone()).await {
            Ending::Interrupted => return,
            Ending::Complete(_) => {
                standing.hush(None, now);
                self.note_success();
            }
            Ending::GaveUp(gave_up) => {
                telemetry::trace::failed(&span, &gave_up.reason);
                standing.hush(gave_up.until, now);
                self.give_up(slot, &gave_up).await;
            }
        }
        // The letter came first: what is sealed empty is gone.
        self.seal_soon(order).await;
        *self.in_work() = None;
    }

    /// Reports that a slot, or the rest of it, will not come.
    pub(crate) async fn give_up(&self, slot: Slot, gave_up: &GaveUp) {
        let text = self.report(slot, gave_up).await;
        error!(%slot, code = gave_up.code, "{text}");
    }

    /// Tells the health check and the alerter that a batch will not be complete, and returns what it told
    /// them. A cause that outlasts the slot is one letter a day, not one a slot.
    pub(crate) async fn report(&self, slot: Slot, gave_up: &GaveUp) -> String {
        let GaveUp { code, reason, hint, until, lasts } = gave_up;
        let mut text = format!("gave up slot {slot}: {reason}");
        if let Some(until) = until {
            text = format!("{text}; asking again after {}", timestamp::to_text(*until));
        }
        if let Some(hint) = hint {
            text = format!("{text} ({hint})");
        }
        self.note_failure(&text);
        self.metrics.snapshot(SnapshotEnd::GaveUp, self.clock.now());
        if *lasts {
            self.incidents.report(code, self.clock.now().date_naive(), &text).await;
        } else {
            self.incidents.report(code, format!("{slot}/given-up"), &text).await;
        }
        text
    }
}

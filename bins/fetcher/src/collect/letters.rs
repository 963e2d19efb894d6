//! Letters about snapshots that do not come, or not whole.

use config::CatchUp;
use domain::timestamp;
use tracing::{error, warn};

use super::{Collector, GaveUp};
use crate::history::is_hour;
use crate::metrics::SnapshotEnd;
use crate::spool::Manifest;
use crate::subject::Subject;

impl Collector {
    /// Logs and reports that a slot, or the rest of it, will not come.
    pub(crate) async fn give_up(&self, order: &Manifest, gave_up: &GaveUp) {
        let text = self.report_give_up(order, gave_up).await;
        error!(slot = %order.slot, code = gave_up.code, "{text}");
    }

    /// Counts a batch that will not be complete and writes the letter about it, whose text it returns. A cause that outlasts
    /// the slot is one letter a day, not one a slot.
    pub(crate) async fn report_give_up(&self, order: &Manifest, gave_up: &GaveUp) -> String {
        let GaveUp { code, reason, hint, until, lasts } = gave_up;
        let slot = order.slot;
        // The occasions of kinds are their own.
        let (what, of) = match Subject::of(order) {
            Subject::Listings => (String::new(), String::new()),
            Subject::Market(kind) => (format!(" of {kind}"), format!("/{kind}")),
        };
        let mut text = format!("gave up slot {slot}{what}: {reason}");
        if let Some(until) = until {
            text = format!("{text}; asking again after {}", timestamp::to_text(*until));
        }
        if let Some(hint) = hint {
            text = format!("{text} ({hint})");
        }
        let now = self.clock.now();
        self.metrics.ended(Subject::of(order), SnapshotEnd::GaveUp, now);
        if *lasts {
            self.incidents.report(code, format!("{}{of}", now.date_naive()), &text).await;
        } else {
            self.incidents.report_of_batch(code, format!("{slot}{of}/given-up"), &order.batch, &text).await;
        }
        text
    }

    /// Writes the letter about a slot that was claimed, or about to be, and of which nothing was fetched.
    pub(crate) async fn report_missed(&self, order: &Manifest, how: &str) {
        if Subject::of(order) == Subject::Listings {
            self.miss(1, [order.slot]).await;
        }
        let remedy = match self.settings.catch_up {
            CatchUp::All if is_hour(&order.slot) => "fetch.catch_up has it filled from the API's history",
            _ => "`coinpipe backfill` fetches it",
        };
        let reason = format!(
            "the snapshot of slot {} ({}) is missing: {how}; the history has a gap there, the tables are right again with the \
             next snapshot; `coinpipe gaps` lists what is missing, and {remedy}",
            order.slot, order.batch
        );
        warn!("{reason}");
        self.incidents.report("slot_missed", &order.batch, &reason).await;
    }
}

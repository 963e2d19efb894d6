//! What became of the claims: the leader settles its own, goes on with what it had claimed before it died, and writes letters
//! about slots that nobody will fetch any more.

use std::collections::BTreeSet;

use domain::BatchId;
use ports::QueueError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Scheduler;
use super::claims::{OpenClaim, Owner};
use super::leader_state::LeaderState;
use super::term::LedTerm;
use crate::spool::{ClaimState, SpoolError};

impl Scheduler {
    /// Settles the claims of which the spool and the tables say that nothing more will come. The error ended the term.
    pub(super) async fn settle_claims(
        &self,
        led: &mut LedTerm,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let pending = self.resolve_intentions(led, state, stop).await.map_err(|error| {
            // The loops that write there log it.
            debug!("cannot look into the spool: {}", telemetry::error_chain(&error));
        });
        let mut is_changed = self.has_missed();
        for claim in led.claims.open() {
            let is_settled = if self.collector.is_own_spool(&claim.by) {
                pending.as_ref().is_ok_and(|pending| !pending.contains(&claim.batch))
            } else {
                claim.is_over(self.clock.now(), self.course_of(&claim.batch).every)
                    && self.report_unsettled(&claim).await
            };
            if is_settled {
                led.claims.settle(&claim);
                is_changed = true;
            }
        }
        if is_changed {
            led.claims.remember(self.collector.remembered().await);
            self.write_note(led).await?;
            self.confirm(state);
        }
        Ok(())
    }

    /// Finds out what became of the slots that this spool's fetcher was about to claim when it died. Returns the batches that
    /// are not settled: they are in the spool, or a letter about them may be.
    async fn resolve_intentions(
        &self,
        led: &LedTerm,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) -> Result<BTreeSet<BatchId>, SpoolError> {
        for intended in self.collector.batches().await? {
            if intended.claim != ClaimState::Intended || intended.pages.is_some() {
                continue;
            }
            let course = self.course_of(&intended.batch);
            let current = course.current(self.clock.now());
            let is_current = intended.batch == self.collector.order_of(course.subject, current).batch;
            match led.claims.owner(&intended, &self.collector.spool_id()) {
                Owner::Us if is_current => {
                    self.fetch_slot(course, current, state, stop).await;
                    continue;
                }
                // It comes due, and is claimed then.
                Owner::Nobody if is_current => continue,
                Owner::Us => {
                    self.collector
                        .report_missed(&intended, "its fetcher ended when it had claimed the slot")
                        .await;
                }
                Owner::Nobody => {
                    self.collector
                        .report_missed(&intended, "its fetcher ended before it had claimed the slot")
                        .await;
                }
                // Another fetcher did it.
                Owner::Settled => {}
            }
            self.collector.forget(&intended.batch).await?;
        }
        let pending = self.collector.batches().await?.into_iter().map(|manifest| manifest.batch);
        let pending: BTreeSet<_> = pending.collect();
        // A slot that was given up is a letter; until that is published it may be lost with the spool.
        let has_letters = self.collector.has_letters().await?;
        let unsaid = has_letters.then(|| led.claims.open()).into_iter().flatten().map(|claim| claim.batch);
        Ok(pending.into_iter().chain(unsaid).collect())
    }

    /// Reports a slot that another fetcher claimed and never settled. `false` while it
    /// cannot be said whether it is missing.
    async fn report_unsettled(&self, claim: &OpenClaim) -> bool {
        match self.loaded.has(&claim.batch).await {
            // When it is not complete there, the alerter reports that.
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
        let OpenClaim { batch, slot, by, at } = claim;
        let reason = format!(
            "the snapshot of slot {slot} ({batch}) is probably missing: the fetcher whose spool has the id {by} claimed it at \
             {at} and, until the slot was over, did not say that it is published. When that fetcher comes back, it publishes \
             what it had fetched; `coinpipe batches` shows whether the batch is there, and when it will not come, `coinpipe backfill` fetches it"
        );
        warn!("{reason}");
        // It may have been paid for: it is not filled without being asked to.
        self.metrics.missed(1);
        self.incidents.report("slot_missed", batch, &reason).await;
        true
    }
}

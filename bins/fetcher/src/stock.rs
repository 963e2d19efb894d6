//! What became of the claims: the leader settles its own, goes on with what it had claimed before it died, and writes letters
//! about slots that nobody will fetch any more.

use std::collections::BTreeSet;

use domain::{BatchId, Slot};
use ports::QueueError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::claims::{OpenClaim, Owner};
use crate::fetcher::Fetcher;
use crate::reign::Reign;
use crate::spool::{Claim, Manifest, Spool, SpoolError, blocking};
use crate::standing::Standing;

impl Fetcher {
    /// Holds the claims against what the spool has. The error ended the term.
    pub(crate) async fn take_stock(
        &self,
        reign: &mut Reign,
        standing: &mut Standing,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let in_hand = self.resolve_intentions(reign, standing, stop).await.map_err(|error| {
            // Whoever writes there says so.
            debug!("cannot look into the spool: {}", telemetry::error_chain(&error));
        });
        let mut is_changed = false;
        for claim in reign.claims.open() {
            let is_settled = if self.spool.is_called(&claim.by) {
                in_hand.as_ref().is_ok_and(|in_hand| !in_hand.contains(&claim.batch))
            } else {
                claim.is_over(self.clock.now(), self.settings.every) && self.told_of(&claim).await
            };
            if is_settled {
                reign.claims.settle(&claim);
                is_changed = true;
            }
        }
        if is_changed {
            reign.write().await?;
            self.prove(standing);
        }
        Ok(())
    }

    /// Finds out what became of the slots that this spool's fetcher was about to claim when it died. Returns the batches that
    /// are not settled: they are in the spool, or a letter about them may be.
    async fn resolve_intentions(
        &self,
        reign: &Reign,
        standing: &mut Standing,
        stop: &CancellationToken,
    ) -> Result<BTreeSet<BatchId>, SpoolError> {
        let current = Slot::current(self.clock.now(), self.settings.every);
        for intended in self.batches().await? {
            if intended.claim != Claim::Intended || intended.pages.is_some() {
                continue;
            }
            let is_current = intended.batch == self.order(current).batch;
            match reign.claims.owner(&intended, &self.spool.id()) {
                Owner::Us if is_current => {
                    self.serve(current, standing, stop).await;
                    continue;
                }
                // It comes due, and is claimed then.
                Owner::Nobody if is_current => continue,
                Owner::Us => {
                    self.report_missed(&intended, "its fetcher ended when it had claimed the slot").await;
                }
                Owner::Nobody => {
                    self.report_missed(&intended, "its fetcher ended before it had claimed the slot").await;
                }
                // Another fetcher did it.
                Owner::Settled => {}
            }
            let batch = intended.batch.clone();
            blocking(&self.spool, move |spool| spool.finish(&batch)).await?;
        }
        let in_hand = self.batches().await?.into_iter().map(|manifest| manifest.batch);
        let in_hand: BTreeSet<_> = in_hand.collect();
        // A slot that was given up is a letter; until that is published it may be lost with the spool.
        let has_letters = blocking(&self.spool, Spool::has_letters).await?;
        let unsaid = has_letters.then(|| reign.claims.open()).into_iter().flatten().map(|claim| claim.batch);
        Ok(in_hand.into_iter().chain(unsaid).collect())
    }

    async fn batches(&self) -> Result<Vec<Manifest>, SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, trouble) = self.incidents.report_found(found).await;
        trouble.map_or(Ok(batches), Err)
    }

    /// Tells of a slot that another fetcher claimed, and of which it never said that it is settled. `false` while it
    /// cannot be said whether it is missing.
    async fn told_of(&self, claim: &OpenClaim) -> bool {
        if self.has_ledger() {
            match self.is_in_ledger(&claim.batch).await {
                // What is not complete there is told of by the alerter.
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
        }
        let OpenClaim { batch, slot, by, at } = claim;
        let reason = format!(
            "the snapshot of slot {slot} ({batch}) is probably missing: the fetcher whose spool has the id {by} claimed it at \
             {at} and, until the slot was over, did not say that it is published. When that fetcher comes back, it publishes \
             what it had fetched; `coinpipe batches` shows whether the batch is there"
        );
        warn!("{reason}");
        self.incidents.report("slot_missed", batch, &reason).await;
        true
    }
}

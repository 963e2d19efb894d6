//! Batches whose fetching is over: how many pages they have is settled, so that they can be published. What an earlier run left
//! half fetched is over, too, unless it is gone on with.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use domain::Slot;
use stage::Point;
use tracing::warn;

use crate::fetcher::Fetcher;
use crate::spool::{Claim, Manifest, Spool, SpoolError, blocking};

impl Fetcher {
    /// Seals what an earlier run left half fetched, but for the batch of the current slot: that one is gone
    /// on with. The spool says that it is claimed, so no lead is needed for it.
    pub(crate) async fn begun(&self) -> Result<Option<Slot>, SpoolError> {
        let slot = Slot::current(self.clock.now(), self.settings.every);
        let order = self.order(slot);
        *self.in_work() = Some(order.clone());
        let sealed = self.seal_what_can_be_read().await;
        *self.in_work() = None;
        sealed?;
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, _) = self.incidents.report_found(found).await;
        let is_begun = |manifest: &Manifest| {
            manifest.batch == order.batch && manifest.pages.is_none() && manifest.claim == Claim::Claimed
        };
        Ok(batches.iter().any(is_begun).then_some(slot))
    }

    /// Seals what an earlier run left half fetched, but for the batch in work, and for what it was about to claim: only a
    /// leader knows what became of that (`stock`). The error is about what cannot be read now, and is left for the
    /// publishing to try again.
    pub(crate) async fn seal_leftovers(&self) -> Result<(), SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, mut trouble) = self.incidents.report_found(found).await;
        for manifest in batches {
            let is_in_work = self.in_work().as_ref().is_some_and(|order| order.asks_the_same(&manifest));
            if manifest.pages.is_none() && (is_in_work || manifest.claim == Claim::Intended) {
                continue;
            }
            if let Err(error) = self.seal_leftover(manifest).await {
                trouble = trouble.or(Some(error));
            }
        }
        self.has_leftovers.store(trouble.is_some(), Ordering::Relaxed);
        trouble.map_or(Ok(()), Err)
    }

    /// At a start: one page on a bad sector keeps nobody from fetching.
    pub(crate) async fn seal_what_can_be_read(&self) -> Result<(), SpoolError> {
        match self.seal_leftovers().await {
            Err(error) if self.has_leftovers.load(Ordering::Relaxed) => {
                warn!("what an earlier run left cannot be read yet: {}", telemetry::error_chain(&error));
                Ok(())
            }
            sealed => sealed,
        }
    }

    async fn seal_leftover(&self, manifest: Manifest) -> Result<(), SpoolError> {
        let batch = manifest.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.pages(&batch)).await?;
        let (pages, trouble) = self.incidents.report_found(found).await;
        if pages.iter().any(|page| page.simulated) && self.drop_foreign(&manifest).await? {
            return Ok(());
        }
        if manifest.pages.is_some() {
            return Ok(());
        }
        if let Some(error) = trouble {
            return Err(error);
        }
        if pages.is_empty() && manifest.claim == Claim::Claimed {
            self.report_missed(&manifest, "its fetcher ended before the first page was kept").await;
        }
        self.seal(manifest).await.map(drop)
    }

    /// Writes the letter about a slot that was claimed, or about to be, and of which nothing was fetched.
    pub(crate) async fn report_missed(&self, order: &Manifest, how: &str) {
        let reason = format!(
            "the snapshot of slot {} ({}) is missing: {how}; the history has a gap there, the tables are right again with the \
             next snapshot",
            order.slot, order.batch
        );
        warn!("{reason}");
        self.incidents.report("slot_missed", &order.batch, &reason).await;
    }

    /// Drops a batch of simulated pages when another source is asked now: made-up quotes must not get among
    /// real ones. On one host there may be a simulator one day and something real the next, so the source
    /// itself is asked; a loader refuses what slips through while it does not answer.
    async fn drop_foreign(&self, manifest: &Manifest) -> Result<bool, SpoolError> {
        let is_foreign = manifest.host != self.client.host()
            || self.client.key_status().await.is_ok_and(|status| !status.simulated);
        if is_foreign {
            warn!(batch = %manifest.batch, host = manifest.host, "dropped simulated pages that another run left");
            let batch = manifest.batch.clone();
            blocking(&self.spool, move |spool| spool.finish(&batch)).await?;
        }
        Ok(is_foreign)
    }

    /// Settles how many pages the batch has, so that it can be published. `false`: there was nothing in it
    /// worth keeping, and it is gone.
    pub(crate) async fn seal(&self, manifest: Manifest) -> Result<bool, SpoolError> {
        let batch = manifest.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.pages(&batch)).await?;
        let (pages, trouble) = self.incidents.report_found(found).await;
        if let Some(error) = trouble {
            return Err(error);
        }
        let is_empty = pages.is_empty();
        let sealed = Manifest { pages: manifest.pages.or(Some(manifest.pages_expected(&pages))), ..manifest };
        blocking(&self.spool, move |spool| {
            if is_empty { spool.finish(&sealed.batch) } else { spool.put_manifest(&sealed) }
        })
        .await?;
        if !is_empty {
            self.crashes.pass(Point::Sealed).await;
        }
        Ok(!is_empty)
    }

    /// Seals a batch whose fetching is over. While the disk refuses, that waits for the publishing to try it again.
    pub(crate) async fn seal_soon(&self, manifest: Manifest) {
        if let Err(error) = self.seal(manifest.clone()).await {
            warn!(batch = %manifest.batch, "cannot seal a batch yet: {}", telemetry::error_chain(&error));
            self.unsealed.lock().unwrap_or_else(PoisonError::into_inner).push(manifest);
        }
        self.changed.notify_one();
    }
}

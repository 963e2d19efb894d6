//! What an earlier run left half fetched: it is sealed and published as it is, unless its slot still lasts.

use std::sync::atomic::Ordering;

use domain::BatchId;
use tracing::warn;

use super::Collector;
use crate::spool::{ClaimState, Manifest, Spool, SpoolError, blocking};

impl Collector {
    /// Seals what an earlier run left half fetched, but for the batches that `current` gives, whose slots last. Returns those of them
    /// that were begun: they are to be continued. The spool says that they are claimed, so no lead is needed for it.
    pub(crate) async fn resume(
        &self,
        current: impl FnOnce() -> Vec<Manifest>,
    ) -> Result<Vec<BatchId>, SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, _) = self.incidents.report_found(found).await;
        self.learn_calls(&batches);
        self.recall_missed().await;
        let current = current();
        self.in_work().clone_from(&current);
        let sealed = self.seal_leftovers_at_start().await;
        self.in_work().clear();
        sealed?;
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, _) = self.incidents.report_found(found).await;
        let is_begun = |manifest: &Manifest| {
            let is_current = current.iter().any(|order| order.batch == manifest.batch);
            is_current && manifest.pages.is_none() && manifest.claim == ClaimState::Claimed
        };
        let begun: Vec<_> = batches.into_iter().filter(is_begun).collect();
        self.in_work().clone_from(&begun);
        Ok(begun.into_iter().map(|manifest| manifest.batch).collect())
    }

    /// Seals what an earlier run left. What cannot be read now is left for [`seal_rest`](Self::seal_rest): one page on a bad
    /// sector must not stop the fetching.
    pub(crate) async fn seal_leftovers_at_start(&self) -> Result<(), SpoolError> {
        match self.seal_leftovers().await {
            Err(error) if self.has_leftovers.load(Ordering::Relaxed) => {
                warn!("what an earlier run left cannot be read yet: {}", telemetry::error_chain(&error));
                Ok(())
            }
            sealed => sealed,
        }
    }

    /// Seals what could not be read at the start, if anything.
    pub(super) async fn retry_leftovers(&self) -> Result<(), SpoolError> {
        if self.has_leftovers.load(Ordering::Relaxed) { self.seal_leftovers().await } else { Ok(()) }
    }

    /// Seals what an earlier run left half fetched, but for the batch in work, and for what it was about to claim: only a
    /// leader knows what became of that. The error is about what cannot be read now.
    async fn seal_leftovers(&self) -> Result<(), SpoolError> {
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, mut trouble) = self.incidents.report_found(found).await;
        for manifest in batches {
            // It belongs to no slot that lasts; who fills gaps goes on with it.
            if manifest.is_history() && manifest.pages.is_none() {
                continue;
            }
            let is_in_work = self.in_work().iter().any(|order| order.asks_the_same(&manifest));
            if manifest.pages.is_none() && (is_in_work || manifest.claim == ClaimState::Intended) {
                continue;
            }
            if let Err(error) = self.seal_leftover(manifest).await {
                trouble = trouble.or(Some(error));
            }
        }
        self.has_leftovers.store(trouble.is_some(), Ordering::Relaxed);
        trouble.map_or(Ok(()), Err)
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
        if pages.is_empty() && manifest.claim == ClaimState::Claimed {
            self.report_missed(&manifest, "its fetcher ended before the first page was kept").await;
        }
        self.seal(manifest).await.map(drop)
    }

    /// Drops a batch of simulated pages when another source is asked now: made-up quotes must not get among
    /// real ones. On one host there may be a simulator one day and something real the next, so the source
    /// itself is asked; a loader refuses what slips through while it does not answer.
    async fn drop_foreign(&self, manifest: &Manifest) -> Result<bool, SpoolError> {
        let is_foreign = manifest.host != self.client.host()
            || self.client.key_status().await.is_ok_and(|status| !status.simulated);
        if is_foreign {
            warn!(batch = %manifest.batch, host = manifest.host, "dropped simulated pages that another run left");
            self.forget(&manifest.batch).await?;
        }
        Ok(is_foreign)
    }
}

//! Sealing: once the fetching of a batch is over, how many pages it has is settled, so that it can be published.

use domain::Verdict;
use stage::Point;
use tracing::warn;

use super::Collector;
use crate::metrics::SnapshotEnd;
use crate::spool::{Manifest, SpoolError, blocking};
use crate::subject::Subject;

impl Collector {
    /// Settles how many pages the batch has, so that it can be published. A batch without pages is removed: there is nothing
    /// in it worth keeping. Returns what is wrong with it.
    pub(crate) async fn seal(&self, manifest: Manifest) -> Result<Option<Verdict>, SpoolError> {
        let (batch, subject) = (manifest.batch.clone(), Subject::of(&manifest));
        let found = blocking(&self.spool, move |spool| spool.list_pages(&batch)).await?;
        let (pages, trouble) = self.incidents.report_found(found).await;
        if let Some(error) = trouble {
            return Err(error);
        }
        let is_empty = pages.is_empty();
        let (verdict, memory) = if manifest.pages.is_some() {
            (manifest.verdict.clone(), None)
        } else if manifest.is_history() {
            (self.judge_past(&manifest, &pages).await, None)
        } else {
            let (verdict, memory) = self.judge_batch(&manifest, &pages).await;
            (verdict, Some(memory))
        };
        let count = manifest.pages.or(Some(manifest.pages_expected(&pages)));
        let sealed = Manifest { pages: count, verdict: verdict.clone(), ..manifest };
        blocking(&self.spool, move |spool| {
            if is_empty { spool.finish(&sealed.batch) } else { spool.put_manifest(&sealed) }
        })
        .await?;
        if let Some(memory) = memory {
            self.remember(memory).await;
            // Of one that was given up the count is told with the letter.
            if count == Some(pages.len().try_into().unwrap_or(u32::MAX)) {
                let ending = SnapshotEnd::of(verdict.as_ref());
                self.metrics.ended(subject, ending, self.clock.now());
            }
        }
        if !is_empty {
            self.crashes.pass(Point::Sealed).await;
        }
        Ok(verdict)
    }

    /// Seals a batch whose fetching is over. When the disk refuses, [`seal_rest`](Self::seal_rest) tries again.
    pub(crate) async fn seal_soon(&self, manifest: Manifest) {
        if let Err(error) = self.seal(manifest.clone()).await {
            warn!(batch = %manifest.batch, "cannot seal a batch yet: {}", telemetry::error_chain(&error));
            self.unsealed().push(manifest);
        }
        self.spool.wake_publisher();
    }

    /// Seals what the disk did not let be sealed before. The error is about what it still refuses.
    pub(crate) async fn seal_rest(&self) -> Result<(), SpoolError> {
        let unsealed = std::mem::take(&mut *self.unsealed());
        let mut trouble = None;
        for manifest in unsealed {
            if let Err(error) = self.seal(manifest.clone()).await {
                self.unsealed().push(manifest);
                trouble = Some(error);
            }
        }
        if let Err(error) = self.retry_leftovers().await {
            trouble = Some(error);
        }
        trouble.map_or(Ok(()), Err)
    }
}

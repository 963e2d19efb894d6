//! What a spool should hold, as far as this process wrote or read it, so that deleted pages are noticed.

use std::collections::{BTreeMap, BTreeSet};

use domain::BatchId;

/// Pages that were in the spool and are not, although they were not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Their batch.
    pub batch: BatchId,
    /// Their numbers, in order.
    pub pages: Vec<u32>,
}

/// The pages that should be there, by batch.
#[derive(Debug, Default)]
pub(super) struct Inventory(BTreeMap<BatchId, BTreeSet<u32>>);

impl Inventory {
    /// Page `page` was written or read.
    pub(super) fn add(&mut self, batch: &BatchId, page: u32) {
        self.0.entry(batch.clone()).or_default().insert(page);
    }

    /// A batch was published.
    pub(super) fn forget(&mut self, batch: &BatchId) {
        self.0.remove(batch);
    }

    /// The batches for which `is_aside` says yes were set aside.
    pub(super) fn forget_batches(&mut self, is_aside: impl Fn(&BatchId) -> bool) {
        self.0.retain(|batch, _| !is_aside(batch));
    }

    /// A page was set aside.
    pub(super) fn forget_page(&mut self, batch: &BatchId, page: u32) {
        if let Some(pages) = self.0.get_mut(batch) {
            pages.remove(&page);
        }
    }

    /// Takes out the batches for which `is_there` says no.
    pub(super) fn take_lost_batches(&mut self, is_there: impl Fn(&BatchId) -> bool) -> Vec<Lost> {
        let lost = self.0.extract_if(.., |batch, pages| !pages.is_empty() && !is_there(batch));
        lost.map(|(batch, pages)| Lost { batch, pages: pages.into_iter().collect() }).collect()
    }

    /// Takes out the pages of `batch` for which `is_there` says no.
    pub(super) fn take_lost_pages(
        &mut self,
        batch: &BatchId,
        is_there: impl Fn(u32) -> bool,
    ) -> Option<Lost> {
        let known = self.0.get_mut(batch)?;
        let pages: Vec<_> = known.extract_if(.., |page| !is_there(*page)).collect();
        (!pages.is_empty()).then(|| Lost { batch: batch.clone(), pages })
    }
}

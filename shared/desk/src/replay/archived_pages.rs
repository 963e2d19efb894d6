//! Pages of the archive by batch and number: letters about rejected coins are replayed from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{BatchId, Message, Origin, PageMeta, ReplayId, header};
use ports::{Archive, QueueError};

/// Pages read at a time; they have a megabyte each.
const PAGES: u32 = 4;

/// Where each page stands in the archive.
pub(super) struct ArchivedPages {
    archive: Arc<dyn Archive>,
    /// Found when it is first asked for: the archive is read once, from one end to the other.
    positions: Option<BTreeMap<(BatchId, u32), u64>>,
}

impl ArchivedPages {
    pub(super) fn new(archive: Arc<dyn Archive>) -> Self {
        Self { archive, positions: None }
    }

    /// The page as it is sent in `replay`; `None` when the archive does not have it, or not any more.
    pub(super) async fn page(
        &mut self,
        batch: &BatchId,
        page: u32,
        replay: &ReplayId,
    ) -> Result<Option<Message>, QueueError> {
        if self.positions.is_none() {
            self.positions = Some(positions(&*self.archive).await?);
        }
        let key = (batch.clone(), page);
        let Some(position) = self.positions.as_ref().and_then(|positions| positions.get(&key)) else {
            return Ok(None);
        };
        let found = self.archive.read(position.saturating_sub(1), 1).await?.pop();
        let found = found.filter(|found| found.position == *position);
        Ok(found.map(|found| {
            let mut message = found.message;
            message.headers.set(header::ORIGIN, Origin::Replay);
            message.headers.set(header::REPLAY_ID, replay);
            telemetry::trace::forget(&mut message.headers);
            message
        }))
    }
}

/// The newest position of each page.
async fn positions(archive: &dyn Archive) -> Result<BTreeMap<(BatchId, u32), u64>, QueueError> {
    let range = archive.range(None).await?;
    let (mut position, mut positions) = (range.after, BTreeMap::new());
    while position < range.end {
        let pages = archive.read(position, PAGES).await?;
        let Some(last) = pages.last() else { break };
        position = last.position;
        for page in pages {
            if let Ok(meta) = PageMeta::from_headers(&page.message.headers) {
                positions.insert((meta.batch, meta.page), page.position);
            }
        }
    }
    Ok(positions)
}

//! Where what is missing of a batch may be: among the dead letters.

use std::collections::BTreeMap;

use domain::{BatchId, DeadLetter, MessageId, StageName};
use ports::store::Missing;
use ports::{Letters, StoreError};

/// The letters on the desk about what is `missing` of `batch`, asked for all at once.
pub(crate) async fn letters_about(
    letters: &dyn Letters,
    batch: &BatchId,
    missing: &[Missing],
) -> Result<BTreeMap<Missing, MessageId>, StoreError> {
    let chunk = |page, chunk| DeadLetter::id_for(StageName::Loader, &batch.chunk_id(page, chunk));
    let about = |missing: Missing| match missing {
        // Its chunks may all have died; then the first speaks for all.
        Missing::Page(page) => {
            vec![DeadLetter::id_for(StageName::Transformer, &batch.page_id(page)), chunk(page, 1)]
        }
        Missing::Chunk { page, chunk: number, .. } => vec![chunk(page, number)],
    };
    let about: Vec<_> = missing.iter().map(|missing| (*missing, about(*missing))).collect();
    let ids: Vec<_> = about.iter().flat_map(|(_, ids)| ids).map(MessageId::as_str).collect();
    let filed = letters.filed(&ids).await?;
    let first = |ids: Vec<MessageId>| ids.into_iter().find(|id| filed.contains(id.as_str()));
    Ok(about.into_iter().filter_map(|(missing, ids)| Some((missing, first(ids)?))).collect())
}

//! Where what is missing of a batch may be: among the dead letters, in a queue, or nowhere.

use std::collections::BTreeMap;

use desk::LookError;
use domain::{BatchId, DeadLetter, MessageId, StageName};
use ports::store::{BatchRecord, Missing};
use ports::{Letters, Queue, QueueError, QueueName, StoreError};

/// Missing parts of a batch that are looked for, and shown; a batch has a hundred at most.
const LOOKED_FOR: usize = 100;

/// For each batch, where its missing parts are, as far as can be told.
pub type Places = BTreeMap<BatchId, BTreeMap<Missing, String>>;

/// Looks for the missing parts of `batches`; without a queue there is nothing in it.
pub async fn places(
    letters: &dyn Letters,
    queue: Option<&dyn Queue>,
    batches: &[BatchRecord],
) -> Result<Places, LookError> {
    let mut places = Places::new();
    let mut queued = None;
    for batch in batches.iter().filter(|batch| !batch.is_complete()) {
        let mut parts = BTreeMap::new();
        let looked_for = &batch.missing[..batch.missing.len().min(LOOKED_FOR)];
        let found = letters_about(letters, &batch.id, looked_for).await?;
        for missing in looked_for {
            let place = if let Some(letter) = found.get(missing) {
                format!("dead letter {letter}")
            } else {
                if queued.is_none() {
                    queued = Some(queued_messages(queue).await?);
                }
                if queued == Some(0) {
                    format!("in no queue and no dead letter; `coinpipe replay --batch {}`", batch.id)
                } else {
                    "perhaps in the queue".to_owned()
                }
            };
            parts.insert(*missing, place);
        }
        places.insert(batch.id.clone(), parts);
    }
    Ok(places)
}

async fn queued_messages(queue: Option<&dyn Queue>) -> Result<u64, QueueError> {
    let mut messages = 0;
    let Some(queue) = queue else { return Ok(messages) };
    for name in QueueName::ALL {
        messages += queue.depth(name).await?.total();
    }
    Ok(messages)
}

/// The letters on the desk about what is `missing` of `batch`, asked for all at once.
pub async fn letters_about(
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

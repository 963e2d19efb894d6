//! Why a batch is not whole: a letter about it that is open.

use domain::{BatchId, Class, one_line};
use ports::StoreError;
use ports::store::{DeskLetter, LetterFilter, LetterState};
use service::Stores;

/// Letters that are read about a batch: each of its pages may have one about rows.
const LETTERS: u32 = 200;
/// The longest text from elsewhere, in characters.
const REASON: usize = 160;

/// What is in the way of what `batch` lacks: a letter about it that is open. Those about rows are not, the other rows go on.
pub(crate) async fn in_the_way(stores: &Stores, batch: &BatchId) -> Result<Option<String>, StoreError> {
    let batch = Some(batch.clone());
    let about = LetterFilter { batch, state: Some(LetterState::Open), ..LetterFilter::default() };
    let letters = stores.desk.list(&about, None, LETTERS).await?;
    let in_the_way = letters.iter().find(|letter| letter.summary.class != Class::RejectedRows);
    Ok(in_the_way.map(|DeskLetter { summary, .. }| {
        let whose = summary.stage.map(|stage| format!(" of the {stage}")).unwrap_or_default();
        format!("a letter{whose} is open, {}", one_line(&summary.code, REASON))
    }))
}

//! Why a batch is not whole: a letter about it that is open.

use domain::{BatchId, Class, one_line};
use ports::StoreError;
use ports::store::{DeskLetter, LetterFilter, LetterState};
use service::Stores;

/// Letters that are read about a batch: each of its pages may have one about rows.
const LETTERS: u32 = 200;
/// The longest code, in characters: it comes from elsewhere.
const CODE: usize = 160;

/// What is in the way of what `batch` lacks: a letter about it that is open. Those about rows are not, the other rows go on; nor is what
/// the fetcher complained of before it fetched it, once it `is_fetched`: then a message is missing, and an incident has none.
pub(crate) async fn in_the_way(
    stores: &Stores,
    batch: &BatchId,
    is_fetched: bool,
) -> Result<Option<String>, StoreError> {
    let batch = Some(batch.clone());
    let about = LetterFilter { batch, state: Some(LetterState::Open), ..LetterFilter::default() };
    let letters = stores.desk.list(&about, None, LETTERS).await?;
    let is_in_the_way = |letter: &&DeskLetter| match letter.summary.class {
        Class::RejectedRows => false,
        Class::Incident => !is_fetched,
        _ => true,
    };
    Ok(letters.iter().find(is_in_the_way).map(|DeskLetter { summary, .. }| {
        let whose = summary.stage.map(|stage| format!(" of the {stage}")).unwrap_or_default();
        format!("a letter{whose} is open, {}", one_line(&summary.code, CODE))
    }))
}

//! Closes what is open about tries that succeeded: an incident of the fetcher that names a batch is about a try at it, and when
//! the ledger proves that the batch is whole in the tables, nobody has to look after it.

use std::sync::Arc;

use domain::{BatchId, Class, StageName, header};
use ports::store::{AlertGroup, GroupState};
use ports::{Ledger, Letters, StoreError};
use tracing::info;

/// How the group of a try ends.
const ENDED: &str = "the batch came after all";

/// Resolves groups of tries whose batch came.
pub(crate) struct SettledTries {
    ledger: Arc<dyn Ledger>,
    letters: Arc<dyn Letters>,
}

impl SettledTries {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, letters: Arc<dyn Letters>) -> Self {
        Self { ledger, letters }
    }

    /// Resolves the groups whose newest letter is about a batch that is whole by now. A slot that was given up has a letter of
    /// another group, which stays open.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        for group in self.letters.groups(Some(GroupState::Open)).await? {
            if group.stage != Some(StageName::Fetcher) || group.class != Class::Incident {
                continue;
            }
            let Some(batch) = self.batch_of_newest(&group).await? else { continue };
            let found = self.ledger.batch(&batch).await?;
            let is_whole = found.is_some_and(|batch| {
                batch.fetched_at.is_some() && batch.is_complete() && !batch.lacks_coins()
            });
            if is_whole && self.letters.resolve(&group.fingerprint, group.total, ENDED).await? {
                info!(group = group.fingerprint, code = group.code, %batch, "resolved: {ENDED}");
            }
        }
        Ok(())
    }

    async fn batch_of_newest(&self, group: &AlertGroup) -> Result<Option<BatchId>, StoreError> {
        let newest = self.letters.letters(Some(&group.fingerprint), 1).await?;
        Ok(newest.first().and_then(|letter| letter.headers.get(header::BATCH)).map(BatchId::from_stored))
    }
}

#[cfg(test)]
mod tests {
    use domain::{DeadLetter, Doubt, Fetched, Verdict};
    use ports::{Clock, Store};
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{batch, chunk, fetched};
    use testkit::memory::MemoryStore;

    use super::*;

    fn bench() -> (Arc<ManualClock>, Arc<MemoryStore>, SettledTries) {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let settled = SettledTries::new(store.clone(), store.clone());
        (clock, store, settled)
    }

    fn letter(stage: StageName, occasion: &str, batch: Option<BatchId>, clock: &ManualClock) -> DeadLetter {
        let mut letter = DeadLetter::incident(stage, "http_429", occasion, "busy", clock.now());
        if let Some(batch) = batch {
            letter.headers.set(header::BATCH, batch);
        }
        letter
    }

    async fn open(store: &MemoryStore) -> Vec<String> {
        let groups = store.groups(Some(GroupState::Open)).await.unwrap();
        groups.into_iter().map(|group| group.fingerprint).collect()
    }

    #[tokio::test]
    async fn a_try_is_closed_when_its_batch_is_whole_and_not_before() {
        let (clock, store, settled) = bench();
        store.file(&letter(StageName::Fetcher, "try", Some(batch(0)), &clock), "try").await.unwrap();
        settled.look().await.unwrap();
        // Two pages are due, and one of them is there.
        let page = |number| {
            let mut chunk = chunk(&[number]);
            (chunk.page.page, chunk.page.pages) = (number, 2);
            chunk
        };
        store.load(&page(1)).await.unwrap();
        settled.look().await.unwrap();
        store.record_fetched(&fetched(2)).await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await, ["try"]);
        store.load(&page(2)).await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await, [""; 0]);
        // It begins anew.
        clock.advance(std::time::Duration::from_secs(1));
        store.file(&letter(StageName::Fetcher, "next", Some(batch(1)), &clock), "try").await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await, ["try"]);
    }

    /// Asking again did not help.
    #[tokio::test]
    async fn a_try_at_a_batch_that_lacks_coins_stays_open() {
        let (clock, store, settled) = bench();
        store.file(&letter(StageName::Fetcher, "try", Some(batch(0)), &clock), "try").await.unwrap();
        store.load(&chunk(&[1])).await.unwrap();
        let verdict = |doubt| Some(Verdict { doubt, why: "7 of 200 coins".to_owned() });
        store.record_fetched(&Fetched { verdict: verdict(Doubt::Incomplete), ..fetched(1) }).await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await, ["try"]);
        let (fetched_at, verdict) = (clock.now() + chrono::TimeDelta::days(9), verdict(Doubt::Suspect));
        store.record_fetched(&Fetched { fetched_at, verdict, ..fetched(1) }).await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await, [""; 0]);
    }

    #[tokio::test]
    async fn what_is_no_try_of_the_fetcher_stays_open() {
        let (clock, store, settled) = bench();
        store.load(&chunk(&[1])).await.unwrap();
        store.record_fetched(&fetched(1)).await.unwrap();
        store.file(&letter(StageName::Fetcher, "given-up", None, &clock), "given up").await.unwrap();
        store
            .file(&letter(StageName::Loader, "rows", Some(batch(0)), &clock), "of another stage")
            .await
            .unwrap();
        let poison =
            DeadLetter { class: Class::Poison, ..letter(StageName::Fetcher, "p", Some(batch(0)), &clock) };
        store.file(&poison, "poison").await.unwrap();
        settled.look().await.unwrap();
        assert_eq!(open(&store).await.len(), 3);
    }
}

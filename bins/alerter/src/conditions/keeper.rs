//! Keeps the incident of one condition: files a letter when it opens, resolves the group when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Class, DeadLetter, StageName};
use ports::store::{AlertGroup, GroupState};
use ports::{Clock, Letters, StoreError};
use tracing::{info, warn};

use super::{Condition, Finding, Look};
use crate::fingerprint::fingerprint;

pub(super) struct Keeper {
    condition: Box<dyn Condition>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    /// An incident may be open: also one from before the start, or of another alerter.
    may_be_open: AtomicBool,
}

impl Keeper {
    pub(super) fn new(
        condition: Box<dyn Condition>,
        letters: Arc<dyn Letters>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { condition, letters, clock, may_be_open: AtomicBool::new(true) }
    }

    /// Opens the incident when it is due, and closes it when it is over.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        match self.condition.look(self.clock.now()).await? {
            Look::Fine => self.close().await,
            Look::Unsure => Ok(()),
            Look::Wrong(finding) => self.open(finding).await,
        }
    }

    /// Files the letter, unless the incident is open.
    async fn open(&self, finding: Finding) -> Result<(), StoreError> {
        self.may_be_open.store(true, Ordering::Relaxed);
        if !self.groups().await?.is_empty() {
            return Ok(());
        }
        let Finding { mut occasion, reason } = finding;
        let code = self.condition.code();
        if let Some(ended) = self.times_ended().await? {
            occasion = format!("{occasion}/{ended}");
        }
        let letter = DeadLetter::incident(StageName::Alerter, code, occasion, reason, self.clock.now());
        let group = fingerprint(&letter);
        if self.letters.file(&letter, &group).await? {
            warn!(letter = %letter.id, group, code, "{}", letter.reason);
        }
        Ok(())
    }

    /// Resolves the incident, if it is open.
    async fn close(&self) -> Result<(), StoreError> {
        if !self.may_be_open.load(Ordering::Relaxed) {
            return Ok(());
        }
        let end = self.condition.end();
        for group in self.groups().await? {
            if self.letters.resolve(&group.fingerprint, group.total, end).await? {
                info!(group = group.fingerprint, code = self.condition.code(), "resolved: {end}");
            }
        }
        self.may_be_open.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// How often it was over, when it is over by itself: what comes after is another time, whatever its occasion says. `None` when it
    /// never was, or a person ended it: the same occasion stays ended.
    async fn times_ended(&self) -> Result<Option<u64>, StoreError> {
        let groups = self.of_condition(None).await?;
        let newest = groups.iter().max_by_key(|group| group.resolved_at);
        let is_over = newest.is_some_and(|group| group.resolution.as_deref() == Some(self.condition.end()));
        Ok(is_over.then(|| groups.iter().map(|group| group.episodes).sum()))
    }

    /// The incidents that are open.
    async fn groups(&self) -> Result<Vec<AlertGroup>, StoreError> {
        self.of_condition(Some(GroupState::Open)).await
    }

    async fn of_condition(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let mut groups = self.letters.groups(state).await?;
        groups.retain(|group| {
            group.stage == Some(StageName::Alerter)
                && group.class == Class::Incident
                && group.code == self.condition.code()
        });
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    /// Says what it is told to, always of the same occasion.
    struct Told(Mutex<bool>);

    #[async_trait]
    impl Condition for Told {
        fn code(&self) -> &'static str {
            "told"
        }

        fn end(&self) -> &'static str {
            "it is well"
        }

        async fn look(&self, _now: DateTime<Utc>) -> Result<Look, StoreError> {
            let finding = Finding { occasion: "today".to_owned(), reason: "it is not".to_owned() };
            Ok(if *self.0.lock().unwrap() { Look::Wrong(finding) } else { Look::Fine })
        }
    }

    #[tokio::test]
    async fn what_comes_back_opens_again_and_what_a_person_ended_does_not() {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let told = Arc::new(Told(Mutex::new(true)));
        let keeper = Keeper::new(Box::new(Shared(told.clone())), store.clone(), clock.clone());
        let another = Keeper::new(Box::new(Shared(told.clone())), store.clone(), clock.clone());
        let is_open = async || !store.groups(Some(GroupState::Open)).await.unwrap().is_empty();
        for episode in 1..4 {
            *told.0.lock().unwrap() = true;
            keeper.look().await.unwrap();
            another.look().await.unwrap();
            assert!(is_open().await, "{episode}");
            assert_eq!(store.letters(None, 9).await.unwrap().len(), episode);
            *told.0.lock().unwrap() = false;
            keeper.look().await.unwrap();
            assert!(!is_open().await, "{episode}");
        }
        *told.0.lock().unwrap() = true;
        keeper.look().await.unwrap();
        let group = store.groups(Some(GroupState::Open)).await.unwrap().pop().unwrap();
        store.resolve(&group.fingerprint, group.total, "by hand: known").await.unwrap();
        keeper.look().await.unwrap();
        assert!(!is_open().await, "a person has seen it");
    }

    struct Shared(Arc<Told>);

    #[async_trait]
    impl Condition for Shared {
        fn code(&self) -> &'static str {
            self.0.code()
        }

        fn end(&self) -> &'static str {
            self.0.end()
        }

        async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
            self.0.look(now).await
        }
    }
}

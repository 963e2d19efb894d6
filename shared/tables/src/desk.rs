//! The operator's side of the desk, as [`ports::Desk`] promises, in statements that all databases understand.

pub mod acts;
pub mod filter;
pub mod lists;
pub mod log;
pub mod purge;

/// Implements [`ports::Desk`] for a store with `now()`, `found()` and a `database` whose `write()` does the work that `$work` makes
/// of a [`Part`](crate::dropping::Part). `$dialect` is a [`Dialect`](lists::Dialect).
#[macro_export]
macro_rules! desk_port {
    ($store:ty, $work:path, $dialect:expr) => {
        #[async_trait::async_trait]
        impl ports::Desk for $store {
            async fn list(
                &self,
                filter: &ports::LetterFilter,
                after: Option<&ports::LetterKey>,
                limit: u32,
            ) -> Result<Vec<ports::DeskLetter>, ports::StoreError> {
                let asked = $crate::desk::lists::list(&$dialect, filter, after, limit);
                self.found(asked, $crate::desk::lists::letter).await
            }

            async fn count(&self, filter: &ports::LetterFilter, most: u64) -> Result<u64, ports::StoreError> {
                let counted = self.found($crate::desk::lists::count(filter, most), |row| row.get("letters"));
                Ok(counted.await?.pop().unwrap_or_default())
            }

            async fn by_hour(
                &self,
                groups: &[&str],
                since: chrono::DateTime<chrono::Utc>,
            ) -> Result<Vec<ports::HourOfGroup>, ports::StoreError> {
                if groups.is_empty() {
                    return Ok(Vec::new());
                }
                let asked = $crate::desk::lists::by_hour(&$dialect, groups, since);
                self.found(asked, $crate::desk::lists::hour_of_group).await
            }

            async fn unsettled(
                &self,
            ) -> Result<std::collections::BTreeMap<String, ports::Unsettled>, ports::StoreError> {
                let found = self.found($crate::desk::lists::unsettled(), $crate::desk::lists::some_unsettled);
                let mut groups: std::collections::BTreeMap<_, _> = found.await?.into_iter().collect();
                groups.retain(|_, unsettled| *unsettled != ports::Unsettled::default());
                Ok(groups)
            }

            async fn replayed(
                &self,
                key: &ports::LetterKey,
                replay: &domain::ReplayId,
            ) -> Result<bool, ports::StoreError> {
                let part = $crate::desk::acts::Replayed { key, replay, now: self.now() };
                Ok(self.database.write(&$work(part)).await?)
            }

            async fn arrived(
                &self,
                id: &str,
                replay: &domain::ReplayId,
                why: &str,
            ) -> Result<bool, ports::StoreError> {
                let part = $crate::desk::acts::Arrived { id, replay, why, now: self.now() };
                Ok(self.database.write(&$work(part)).await?)
            }

            async fn is_loaded(
                &self,
                replay: &domain::ReplayId,
                batch: &domain::BatchId,
                page: u32,
                chunk: u32,
            ) -> Result<bool, ports::StoreError> {
                let asked = $crate::desk::lists::loaded(replay, batch, page, chunk);
                Ok(!self.found(asked, |row| row.get::<u32>("chunk")).await?.is_empty())
            }

            async fn settle(
                &self,
                keys: &[ports::LetterKey],
                dropped: bool,
                why: &str,
            ) -> Result<u64, ports::StoreError> {
                if keys.is_empty() {
                    return Ok(0);
                }
                let part = $crate::desk::acts::Settle { keys, dropped, why, now: self.now() };
                Ok(self.database.write(&$work(part)).await?)
            }

            async fn settle_with_groups(&self, limit: u32) -> Result<u64, ports::StoreError> {
                // Most of the time there are none, which needs no lock.
                let found = self.found($crate::desk::acts::of_resolved_groups(limit), |row| row.get("id"));
                let ids: Vec<String> = found.await?;
                if ids.is_empty() {
                    return Ok(0);
                }
                let part = $crate::desk::acts::SettleWithGroups { ids: &ids, now: self.now() };
                Ok(self.database.write(&$work(part)).await?)
            }

            async fn keep_edited(
                &self,
                original: &ports::LetterKey,
                edited: &domain::DeadLetter,
            ) -> Result<bool, ports::StoreError> {
                let part = $crate::desk::acts::KeepEdited { original, edited, now: self.now() };
                Ok(self.database.write(&$work(part)).await?)
            }

            async fn begin(&self, action: &ports::Action) -> Result<(), ports::StoreError> {
                Ok(self.database.write(&$work($crate::desk::log::Begin { action, now: self.now() })).await?)
            }

            async fn note(
                &self,
                id: &str,
                done: u64,
                outcome: Option<&str>,
            ) -> Result<(), ports::StoreError> {
                Ok(self.database.write(&$work($crate::desk::log::Note { id, done, outcome })).await?)
            }

            async fn actions(&self, limit: u32) -> Result<Vec<ports::LoggedAction>, ports::StoreError> {
                self.found($crate::desk::log::newest(limit), $crate::desk::log::action).await
            }

            async fn purge(
                &self,
                kept: ports::Kept,
                filter: &ports::LetterFilter,
                before: chrono::DateTime<chrono::Utc>,
                limit: u32,
            ) -> Result<u64, ports::StoreError> {
                let part = $crate::desk::purge::Purge { kept, filter, before, limit };
                Ok(self.database.write(&$work(part)).await?)
            }
        }
    };
}

//! Silences in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;

use super::{MemoryStore, State};
use ports::store::{Silence, Silences, StoreError};

impl State {
    /// The silences that end after `since`.
    pub(super) fn silences_after(&self, since: DateTime<Utc>) -> Vec<Silence> {
        self.silences.values().filter(|silence| silence.until > since).cloned().collect()
    }
}

#[async_trait]
impl Silences for MemoryStore {
    async fn silence(&self, silence: &Silence) -> Result<(), StoreError> {
        let (until, at) = (timestamp::to_millis(silence.until), timestamp::to_millis(silence.at));
        let silence = Silence { until, at, ..silence.clone() };
        self.state()?.silences.insert(silence.fingerprint.clone(), silence);
        Ok(())
    }

    async fn unsilence(&self, fingerprint: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let now = timestamp::to_millis(now);
        let mut state = self.state()?;
        let lasting = state.silences.get_mut(fingerprint).filter(|silence| silence.until > now);
        Ok(lasting.map(|silence| silence.until = now).is_some())
    }

    async fn silences(&self, since: DateTime<Utc>) -> Result<Vec<Silence>, StoreError> {
        Ok(self.state()?.silences_after(since))
    }
}

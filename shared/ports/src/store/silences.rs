//! Silences: no mails about a group for a time, for a reason.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;

/// Keeps mails about a group away. Its letters are filed and counted all the same, and told when the silence is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The group.
    pub fingerprint: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub why: String,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub at: DateTime<Utc>,
}

/// The silences; a group has one at most.
#[async_trait]
pub trait Silences: Send + Sync + 'static {
    /// Makes a silence. It takes the place of the one that the group has.
    async fn silence(&self, silence: &Silence) -> Result<(), StoreError>;

    /// Ends the silence of the group `fingerprint` at `now`; `false`, and nothing is changed, when none lasts then. It is kept, with this
    /// end, so that what came in it is told as when its time was over.
    async fn unsilence(&self, fingerprint: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Those that end after `since`, by fingerprint.
    async fn silences(&self, since: DateTime<Utc>) -> Result<Vec<Silence>, StoreError>;
}

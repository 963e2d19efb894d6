//! The operator's side of the dead-letter desk: finding letters, what was done about them, and the record of who did it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, Class, DeadLetter, ReplayId, StageName, UnknownName};

use super::{LetterSummary, StoreError};

/// What was done about a letter. A new death makes it [`Open`](Self::Open) again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// Nothing yet.
    Open,
    /// It was sent to its queue again, and nobody knows yet whether it arrives.
    Replayed,
    /// It arrived, or somebody said that nothing is to be done.
    Resolved,
    /// Somebody gave it up. It is kept, and can be sent again.
    Dropped,
}

impl LetterState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Open, Self::Replayed, Self::Resolved, Self::Dropped];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Resolved => "resolved",
            Self::Dropped => "dropped",
        }
    }

    /// Whether nobody has to look after the letter any more.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Resolved | Self::Dropped)
    }
}

impl fmt::Display for LetterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LetterState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownName::new("letter state", text))
    }
}

/// Which letters: those that have all that is asked for, by their newest deaths. The empty filter takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// The one with this id.
    pub id: Option<String>,
    /// Of the group with this fingerprint.
    pub group: Option<String>,
    /// In this state.
    pub state: Option<LetterState>,
    /// From this stage.
    pub stage: Option<StageName>,
    /// Of this class.
    pub class: Option<Class>,
    /// With this code.
    pub code: Option<String>,
    /// About this batch.
    pub batch: Option<BatchId>,
    /// About this coin, among others.
    pub coin: Option<u32>,
    /// Filed at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Filed before this time.
    pub until: Option<DateTime<Utc>>,
    /// Resolved or dropped before this time.
    pub settled_before: Option<DateTime<Utc>>,
    /// With this text in the id, the code, the reason or the headers, whatever its case.
    pub text: Option<String>,
}

/// How many letters of a group are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Those of which nothing became yet.
    pub open: u64,
    /// Those that were sent again, and of which nobody knows yet whether they arrive.
    pub replayed: u64,
}

/// Where a letter stands in the list of all, and which of its deaths is meant: after another one it stands elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterKey {
    /// When its newest death was filed.
    pub filed_at: DateTime<Utc>,
    /// Its id.
    pub id: String,
}

/// What was done about a letter, so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handling {
    /// How it stands.
    pub state: LetterState,
    /// When it was resolved or dropped; `None` when it is not.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why, in somebody's words.
    pub why: Option<String>,
    /// In which replay it was last sent from the desk.
    pub replay: Option<ReplayId>,
    /// When that was.
    pub replayed_at: Option<DateTime<Utc>>,
    /// The id of the letter that this one was edited from.
    pub edited_from: Option<String>,
}

/// A letter as the desk lists it: all but its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskLetter {
    /// The letter.
    pub summary: LetterSummary,
    /// What was done about it.
    pub handling: Handling,
}

impl DeskLetter {
    /// Where it stands in the list.
    pub fn key(&self) -> LetterKey {
        LetterKey { filed_at: self.summary.filed_at, id: self.summary.id.to_string() }
    }
}

/// What an operator began to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its id: a replay's is that of the replay. Printable ASCII, at most 64 characters.
    pub id: String,
    /// Who: `user@host`, or a name that somebody gave.
    pub who: String,
    /// What: `replay`, `drop`, …
    pub verb: String,
    /// About which letters, as JSON.
    pub filter: String,
    /// How many they were.
    pub matched: u64,
}

/// A line of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAction {
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// What was begun.
    pub action: Action,
    /// How many letters it was done to.
    pub done: u64,
    /// How it ended, in words; `None` while it goes on, or when it was killed.
    pub outcome: Option<String>,
}

/// How many letters of a group died last in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourOfGroup {
    /// The group.
    pub fingerprint: String,
    /// When the hour begins.
    pub hour: DateTime<Utc>,
    /// How many.
    pub letters: u64,
}

/// What is kept for a time, and then deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Letters that are settled, with their deaths, by when they were settled.
    Letters,
    /// Resolved groups without letters, by their last death.
    Groups,
    /// Mails that were sent or refused, by when that was.
    Mails,
    /// The record of actions.
    Log,
}

impl Kept {
    /// All of it, in the order in which it is deleted.
    pub const ALL: [Self; 4] = [Self::Letters, Self::Groups, Self::Mails, Self::Log];
}

/// What operators do at the desk.
///
/// # Guarantees
/// - What is done to a letter is done to the death that was seen: one that died again meanwhile stays open.
/// - A list that is read page by page, each after the last key of the one before, has each letter that stays as it is once,
///   whatever comes or goes meanwhile.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// The `limit` letters that died last of those that `filter` takes and that stand after `after`, newest first; of one instant, the
    /// greater id first. Reads no body.
    async fn list(
        &self,
        filter: &LetterFilter,
        after: Option<&LetterKey>,
        limit: u32,
    ) -> Result<Vec<DeskLetter>, StoreError>;

    /// How many letters `filter` takes; counts no more than `most`.
    async fn count(&self, filter: &LetterFilter, most: u64) -> Result<u64, StoreError>;

    /// The letters of `groups`, by the hour of their newest death, from `since` on; hours without any are left out.
    async fn by_hour(&self, groups: &[&str], since: DateTime<Utc>) -> Result<Vec<HourOfGroup>, StoreError>;

    /// How many letters are not settled, of each group that has some; by the groups of their newest deaths. Reads an index alone.
    async fn unsettled(&self) -> Result<BTreeMap<String, Unsettled>, StoreError>;

    /// Notes that the letter at `key` was sent again, in `replay`. `false`, and nothing is changed, when it died again or is gone.
    async fn replayed(&self, key: &LetterKey, replay: &ReplayId) -> Result<bool, StoreError>;

    /// Resolves the letter `id` if it still waits for what becomes of `replay`: it arrived, for the reason `why`.
    async fn arrived(&self, id: &str, replay: &ReplayId, why: &str) -> Result<bool, StoreError>;

    /// Whether chunk `chunk` of page `page` was loaded in `replay`.
    async fn is_loaded(
        &self,
        replay: &ReplayId,
        batch: &BatchId,
        page: u32,
        chunk: u32,
    ) -> Result<bool, StoreError>;

    /// Makes the letters at `keys` resolved (or, when `dropped`, dropped), in one transaction; how many: those that are settled already,
    /// or died again, are passed over.
    async fn settle(&self, keys: &[LetterKey], dropped: bool, why: &str) -> Result<u64, StoreError>;

    /// Resolves up to `limit` open letters of groups that are resolved: how the group ended says what became of them. How many.
    async fn settle_with_groups(&self, limit: u32) -> Result<u64, StoreError>;

    /// Keeps `edited`, made of the letter at `original`, in the group of that one, which is resolved, in one transaction. `false`, and
    /// nothing is changed, when the original is settled, died again or is gone, or there is a letter with the id of `edited`.
    async fn keep_edited(&self, original: &LetterKey, edited: &DeadLetter) -> Result<bool, StoreError>;

    /// Writes down that `action` begins now.
    async fn begin(&self, action: &Action) -> Result<(), StoreError>;

    /// Writes down how the action `id` went: to how many letters it was done, and how it ended, if it did.
    async fn note(&self, id: &str, done: u64, outcome: Option<&str>) -> Result<(), StoreError>;

    /// The `limit` actions that were begun last, newest first.
    async fn actions(&self, limit: u32) -> Result<Vec<LoggedAction>, StoreError>;

    /// Deletes up to `limit` of the oldest of `kept` that are from before `before`; of letters only those that `filter` takes. Never what
    /// is open, or waits. How many.
    async fn purge(
        &self,
        kept: Kept,
        filter: &LetterFilter,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;
}

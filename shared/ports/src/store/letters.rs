//! The dead-letter desk: letters, how often they died, and the groups of those with the same cause.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Class, DeadLetter, Headers, MessageId, StageName, UnknownName};

use super::StoreError;

/// A group that opens again within this time after its end is the same trouble, coming and going.
pub const FLAPPING_WITHIN: TimeDelta = TimeDelta::hours(1);

/// A group that opened so often, each time within [`FLAPPING_WITHIN`] of its last end, comes and goes.
pub const FLAPPING: u64 = 3;

/// A group of dead letters with the same cause. From its opening to its resolution is an *episode*; a group may have many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertGroup {
    /// Hash of (stage, class, code, reason without its numbers); the key.
    pub fingerprint: String,
    /// Where.
    pub stage: Option<StageName>,
    /// Coarse cause.
    pub class: Class,
    /// Fine cause.
    pub code: String,
    /// The reason of the newest letter.
    pub reason: String,
    /// Whether the group is open.
    pub state: GroupState,
    /// When its first trouble was seen.
    pub first_seen_at: DateTime<Utc>,
    /// When its newest death was filed.
    pub last_seen_at: DateTime<Utc>,
    /// Deaths ever filed: a letter that died twice for this cause counts twice.
    pub total: u64,
    /// Deaths that no mail tells about; those of a mail that was refused are among them again.
    pub unsent: u64,
    /// When the last mail that covers the group, and was not refused, was posted to the outbox.
    pub mailed_at: Option<DateTime<Utc>>,
    /// `total` at that time.
    pub mailed_total: u64,
    /// When the present or last episode began.
    pub opened_at: DateTime<Utc>,
    /// When the last episode ended; `None` while the group is open.
    pub resolved_at: Option<DateTime<Utc>>,
    /// How it ended, for people; `None` while the group is open.
    pub resolution: Option<String>,
    /// How many episodes there were, the present one included.
    pub episodes: u64,
    /// `total` before the present or last episode.
    pub opened_total: u64,
    /// When the first of the last episodes began that followed each other within [`FLAPPING_WITHIN`].
    pub flapping_since: DateTime<Utc>,
    /// How many these are: 1 for a group that does not flap.
    pub flaps: u64,
    /// When a mail last told that the group is open, and none has told of an end since; `None`: nobody was told, so nobody
    /// needs to hear of an end. A group that opens again before its end was told keeps it.
    pub told_at: Option<DateTime<Utc>>,
}

/// Whether a group still needs someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Not dealt with yet.
    Open,
    /// Dealt with; a new death opens it again.
    Resolved,
}

impl GroupState {
    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GroupState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "open" => Ok(Self::Open),
            "resolved" => Ok(Self::Resolved),
            _ => Err(UnknownName::new("group state", text)),
        }
    }
}

/// One death of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The replay in which the message died, see [`DeadLetter::replay`]; empty when before any.
    pub replay: String,
    /// Where.
    pub stage: Option<StageName>,
    /// Coarse cause.
    pub class: Class,
    /// Fine cause.
    pub code: String,
    /// What happened.
    pub reason: String,
    /// How often the message had been tried in this replay, or before any.
    pub attempt: u32,
    /// When the trouble was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was filed.
    pub filed_at: DateTime<Utc>,
    /// The group that it counts in.
    pub fingerprint: String,
}

/// A letter as it was filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledLetter {
    /// The letter, as its newest death left it.
    pub letter: DeadLetter,
    /// The group of its newest death.
    pub fingerprint: String,
    /// When its newest death was filed.
    pub filed_at: DateTime<Utc>,
    /// All its deaths, in the order in which they were filed.
    pub deaths: Vec<Death>,
}

impl FiledLetter {
    /// When its trouble was first seen: the letter is as its newest death left it, which may be in a replay long after
    /// the first.
    pub fn first_seen_at(&self) -> DateTime<Utc> {
        let seen_at = self.deaths.iter().map(|death| death.first_seen_at);
        seen_at.fold(self.letter.first_seen_at, Ord::min)
    }
}

/// What a list shows of a letter: all but the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterSummary {
    /// The letter's id.
    pub id: MessageId,
    /// Coarse cause of its newest death; so the rest.
    pub class: Class,
    /// Fine cause.
    pub code: String,
    /// What happened.
    pub reason: String,
    /// Where.
    pub stage: Option<StageName>,
    /// How often the message had been tried.
    pub attempt: u32,
    /// When the trouble was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// The original headers.
    pub headers: Headers,
    /// Length of the original body.
    pub body_bytes: u64,
    /// Its group.
    pub fingerprint: String,
    /// When it was filed.
    pub filed_at: DateTime<Utc>,
    /// How often it died.
    pub deaths: u64,
}

/// How much was filed in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FiledCounts {
    /// Letters about a message.
    pub letters: u64,
    /// Letters about an incident.
    pub incidents: u64,
}

/// The dead-letter desk: letters are filed before anything is mailed about them.
#[async_trait]
pub trait Letters: Send + Sync + 'static {
    /// `Ok` when letters can be filed now, as far as can be proved without filing one.
    async fn ready_to_file(&self) -> Result<(), StoreError>;

    /// Files a death in the group `fingerprint`, in one transaction: `letter` becomes what is known of its id, the
    /// group counts one more and is open; when it was resolved, an episode begins. `false` when this death was filed before, whatever came after it: then
    /// nothing is changed or counted.
    ///
    /// Two deaths of one letter are the same when [`replay`](DeadLetter::replay), class and code are: a queue that
    /// delivers a letter again, or a stage that dies between publishing it and settling its input, makes no new one.
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError>;

    /// Resolves the group `fingerprint` if it is open and `total` deaths were filed in it, as the caller has seen: a death
    /// that came since keeps it open. `resolution` says for people how its trouble ended. `false` when nothing was changed.
    async fn resolve(&self, fingerprint: &str, total: u64, resolution: &str) -> Result<bool, StoreError>;

    /// The groups in `state` (all when `None`), the one with the newest death first.
    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError>;

    /// The `limit` letters that died last (those whose newest death is of one group, or all when `None`), newest
    /// first; of one instant, the greater id first. Reads no body.
    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError>;

    /// One letter by its id.
    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError>;

    /// How many letters died last from `from` on and before `to`.
    async fn count_filed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<FiledCounts, StoreError>;

    /// Which of the letters `ids` are on the desk. Reads nothing else of them.
    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError>;
}

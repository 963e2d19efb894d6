//! Writing the rows of the dead-letter desk.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::{DeadLetter, StageName};
use ports::{FLAPPING_WITHIN, GroupState};

use super::Parameter::{self, Bytes, Instant, Text};
use super::insert;
use crate::columns::{DEATHS, GROUPS, LETTERS};

/// A death to be filed.
#[derive(Clone, Copy, Debug)]
pub struct Filing<'a> {
    /// The letter as it is now.
    pub letter: &'a DeadLetter,
    /// The group it counts in.
    pub fingerprint: &'a str,
    /// When it is filed.
    pub now: DateTime<Utc>,
}

/// Inserts a letter: [`Filing::letter`].
pub static INSERT_LETTER: LazyLock<String> = LazyLock::new(|| insert("dead_letters", &LETTERS));

/// The columns of a letter that follow its newest death: all but its id, in the order of [`LETTERS`].
pub fn described() -> &'static [&'static str] {
    &LETTERS[1..]
}

/// Inserts a death: [`Filing::death`].
pub static INSERT_DEATH: LazyLock<String> = LazyLock::new(|| insert("letter_deaths", &DEATHS));

/// Inserts a group with one death: [`Filing::group`].
pub static INSERT_GROUP: LazyLock<String> = LazyLock::new(|| insert("alert_groups", &GROUPS));

/// What a death changes of a group that is there, after "ON CONFLICT DO UPDATE SET" or the like; binds
/// [`Filing::closely_before`] twice. `new` is the value that was to be inserted into a column, `least` the function that takes
/// the smaller of two.
///
/// A server assigns from left to right and sees what it assigned: `state` comes last, and `total` after what needs the old one.
pub fn count_death(new: impl Fn(&str) -> String, least: &str) -> String {
    let unless_open = |column: &str, value: &str| {
        format!("{column} = CASE WHEN state = 'open' THEN {column} ELSE {value} END")
    };
    let first_seen_at = format!("first_seen_at = {least}(first_seen_at, {})", new("first_seen_at"));
    let flapping_since = format!(
        "flapping_since = CASE WHEN state = 'open' OR resolved_at > ? THEN flapping_since ELSE {} END",
        new("flapping_since")
    );
    [
        flapping_since,
        "flaps = CASE WHEN state = 'open' THEN flaps WHEN resolved_at > ? THEN flaps + 1 ELSE 1 END"
            .to_owned(),
        unless_open("episodes", "episodes + 1"),
        unless_open("opened_total", "total"),
        unless_open("opened_at", &new("opened_at")),
        "resolved_at = NULL, resolution = NULL".to_owned(),
        first_seen_at,
        format!("reason = {}, last_seen_at = {}", new("reason"), new("last_seen_at")),
        "total = total + 1, unsent = unsent + 1".to_owned(),
        format!("state = {}", new("state")),
    ]
    .join(", ")
}

/// Resolves a group, if it is open; binds the instant, how it ended, its fingerprint and its `total`.
pub const RESOLVE_GROUP: &str = "UPDATE alert_groups SET state = 'resolved', resolved_at = ?, resolution = ? \
    WHERE fingerprint = ? AND total = ? AND state = 'open'";

/// A group to resolve.
#[derive(Clone, Copy, Debug)]
pub struct Resolving<'a> {
    /// Which.
    pub fingerprint: &'a str,
    /// Its `total`, as it was seen.
    pub total: u64,
    /// How it ended.
    pub resolution: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl<'a> Resolving<'a> {
    /// For [`RESOLVE_GROUP`].
    pub fn group(self) -> [Parameter<'a>; 4] {
        [self.now.into(), self.resolution.into(), self.fingerprint.into(), self.total.into()]
    }
}

/// Inserts the first death of a letter that has none; binds the letter's id twice. A program of an older version, which may
/// run beside this one, files letters without their deaths.
pub static INSERT_FIRST_DEATH: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO letter_deaths ({}) SELECT id, 1, '', {} FROM dead_letters \
         WHERE id = ? AND NOT EXISTS (SELECT 1 FROM letter_deaths WHERE letter_id = ?)",
        DEATHS.join(", "),
        DEATHS[3..].join(", ")
    )
});

impl<'a> Filing<'a> {
    /// For [`INSERT_LETTER`].
    pub fn letter(self) -> [Parameter<'a>; LETTERS.len()] {
        let Self { letter, fingerprint, now } = self;
        [
            letter.id.as_str().into(),
            letter.class.as_str().into(),
            letter.code.as_str().into(),
            letter.reason.as_str().into(),
            self.stage(),
            letter.attempt.into(),
            letter.first_seen_at.into(),
            serde_json::json!(letter.headers).to_string().into(),
            fingerprint.into(),
            now.into(),
            Bytes((&letter.body[..]).into()),
        ]
    }

    /// For [`INSERT_DEATH`].
    pub fn death(self, number: u64) -> [Parameter<'a>; DEATHS.len()] {
        let Self { letter, fingerprint, now } = self;
        [
            letter.id.as_str().into(),
            number.into(),
            letter.replay().as_str().to_owned().into(),
            fingerprint.into(),
            letter.class.as_str().into(),
            letter.code.as_str().into(),
            letter.reason.as_str().into(),
            self.stage(),
            letter.attempt.into(),
            letter.first_seen_at.into(),
            now.into(),
        ]
    }

    /// For [`INSERT_GROUP`].
    pub fn group(self) -> [Parameter<'a>; GROUPS.len()] {
        let Self { letter, fingerprint, now } = self;
        [
            fingerprint.into(),
            self.stage(),
            letter.class.as_str().into(),
            letter.code.as_str().into(),
            letter.reason.as_str().into(),
            GroupState::Open.as_str().into(),
            letter.first_seen_at.into(),
            now.into(),
            1_u32.into(),
            1_u32.into(),
            Instant(None),
            0_u32.into(),
            now.into(),
            Instant(None),
            Text(None),
            1_u32.into(),
            0_u32.into(),
            now.into(),
            1_u32.into(),
            Instant(None),
        ]
    }

    /// For [`count_death`]: a group that was resolved after this, and opens now, is the same trouble again.
    pub fn closely_before(self) -> [Parameter<'a>; 2] {
        let before = self.now.checked_sub_signed(FLAPPING_WITHIN).unwrap_or(DateTime::UNIX_EPOCH);
        [before.into(), before.into()]
    }

    /// For [`LAST_DEATH`](crate::read::letters::LAST_DEATH).
    pub fn cause(self) -> [Parameter<'a>; 4] {
        let letter = self.letter;
        [
            letter.replay().as_str().to_owned().into(),
            letter.class.as_str().into(),
            letter.code.as_str().into(),
            letter.id.as_str().into(),
        ]
    }

    fn stage(self) -> Parameter<'a> {
        Text(self.letter.stage.map(StageName::as_str).map(Into::into))
    }
}

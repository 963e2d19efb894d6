//! The values of the dead-letter desk's rows.

use chrono::{DateTime, Utc};
use domain::{DeadLetter, StageName};

use super::Parameter;
use super::Parameter::{Bytes, Text};
use crate::row::{Row, Unreadable};

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
pub const INSERT_LETTER: &str = "INSERT INTO dead_letters (id, class, code, reason, stage, attempt, first_seen_at, headers, \
        body, fingerprint, filed_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Inserts a death: [`Filing::death`].
pub const INSERT_DEATH: &str = "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, stage, \
        attempt, first_seen_at, filed_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Inserts a group with one death: [`Filing::group`].
pub const INSERT_GROUP: &str = "INSERT INTO alert_groups (fingerprint, stage, class, code, reason, state, first_seen_at, \
        last_seen_at, total, unsent, mailed_total) \
    VALUES (?, ?, ?, ?, ?, 'open', ?, ?, 1, 1, 0)";

/// Inserts the first death of a letter that has none; binds the letter's id twice. A program of an older version, which may
/// run beside this one, files letters without their deaths.
pub const INSERT_FIRST_DEATH: &str = "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, \
        stage, attempt, first_seen_at, filed_at) \
    SELECT id, 1, '', fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at \
    FROM dead_letters WHERE id = ? AND NOT EXISTS (SELECT 1 FROM letter_deaths WHERE letter_id = ?)";

/// Which death of the letter this one is: [`Filing::cause`], read by [`next_death`].
pub const LAST_DEATH: &str = "SELECT max(number) AS deaths, max(life = ? AND class = ? AND code = ?) AS is_known \
    FROM letter_deaths WHERE letter_id = ?";

/// The number of the death that [`LAST_DEATH`] asked for; `None` when it was filed before.
pub fn next_death(row: &dyn Row) -> Result<Option<u64>, Unreadable> {
    let deaths: Option<u64> = row.nullable("deaths")?;
    let is_known = row.nullable("is_known")?.unwrap_or(false);
    Ok((!is_known).then_some(deaths.unwrap_or(0) + 1))
}

impl<'a> Filing<'a> {
    /// For [`INSERT_LETTER`].
    pub fn letter(self) -> [Parameter<'a>; 11] {
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
            Bytes((&letter.body[..]).into()),
            fingerprint.into(),
            now.into(),
        ]
    }

    /// For [`INSERT_DEATH`].
    pub fn death(self, number: u64) -> [Parameter<'a>; 11] {
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
    pub fn group(self) -> [Parameter<'a>; 7] {
        let Self { letter, fingerprint, now } = self;
        [
            fingerprint.into(),
            self.stage(),
            letter.class.as_str().into(),
            letter.code.as_str().into(),
            letter.reason.as_str().into(),
            letter.first_seen_at.into(),
            now.into(),
        ]
    }

    /// For [`LAST_DEATH`].
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

//! Reading the dead letters and their groups.

use domain::{DeadLetter, MessageId};
use ports::{AlertGroup, Death, FiledLetter, LetterSummary};

use crate::row::Row;

/// The columns of `alert_groups`, which [`group`] reads.
pub const GROUP: &str = "fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, unsent, \
    mailed_at, mailed_total";

/// The groups, newest first; those in one state, which is the value to bind, when `by_state`.
pub fn groups(by_state: bool) -> String {
    let which = if by_state { "WHERE state = ? " } else { "" };
    format!("SELECT {GROUP} FROM alert_groups {which}ORDER BY last_seen_at DESC, fingerprint")
}

/// The groups that mails have not told all of.
pub fn unsent_groups() -> String {
    format!("SELECT {GROUP} FROM alert_groups WHERE state = 'open' AND unsent > 0 ORDER BY fingerprint")
}

/// The newest letters, without their bodies: the group's fingerprint when `by_group`, and how many. `body_bytes` is how the
/// database tells the length of a body. [`summary`] reads a row.
pub fn summaries(body_bytes: &str, by_group: bool) -> String {
    let which = if by_group { "WHERE fingerprint = ? " } else { "" };
    format!(
        "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, {body_bytes}, fingerprint, filed_at, \
             (SELECT count(*) FROM letter_deaths WHERE letter_id = dead_letters.id) \
         FROM dead_letters {which}ORDER BY filed_at DESC, id DESC LIMIT ?"
    )
}

/// A letter by its id, which [`filed`] reads.
pub const LETTER: &str = "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, \
    filed_at FROM dead_letters WHERE id = ?";

/// The deaths of a letter by its id, which [`death`] reads.
pub const DEATHS: &str = "SELECT life, stage, class, code, reason, attempt, first_seen_at, filed_at, fingerprint \
    FROM letter_deaths WHERE letter_id = ? ORDER BY number";

/// A row of [`GROUP`].
pub fn group<R: Row>(mut row: R) -> Result<AlertGroup, R::Error> {
    Ok(AlertGroup {
        fingerprint: row.take()?,
        stage: row.optional_name()?,
        class: row.name()?,
        code: row.take()?,
        reason: row.take()?,
        state: row.name()?,
        first_seen_at: row.take()?,
        last_seen_at: row.take()?,
        total: row.take()?,
        unsent: row.take()?,
        mailed_at: row.take()?,
        mailed_total: row.take()?,
    })
}

/// A row of [`LETTER`], with its `deaths`.
pub fn filed<R: Row>(mut row: R, deaths: Vec<Death>) -> Result<FiledLetter, R::Error> {
    let letter = DeadLetter {
        id: MessageId::new(row.take::<String>()?),
        class: row.name()?,
        code: row.take()?,
        reason: row.take()?,
        stage: row.optional_name()?,
        attempt: row.take()?,
        first_seen_at: row.take()?,
        headers: row.json()?,
        body: row.bytes()?.into(),
    };
    Ok(FiledLetter::new(letter, row.take()?, row.take()?, deaths))
}

/// A row of [`DEATHS`].
pub fn death<R: Row>(mut row: R) -> Result<Death, R::Error> {
    Ok(Death {
        life: row.take()?,
        stage: row.optional_name()?,
        class: row.name()?,
        code: row.take()?,
        reason: row.take()?,
        attempt: row.take()?,
        first_seen_at: row.take()?,
        filed_at: row.take()?,
        fingerprint: row.take()?,
    })
}

/// A row of [`summaries`].
pub fn summary<R: Row>(mut row: R) -> Result<LetterSummary, R::Error> {
    Ok(LetterSummary {
        id: MessageId::new(row.take::<String>()?),
        class: row.name()?,
        code: row.take()?,
        reason: row.take()?,
        stage: row.optional_name()?,
        attempt: row.take()?,
        first_seen_at: row.take()?,
        headers: row.json()?,
        body_bytes: row.take()?,
        fingerprint: row.take()?,
        filed_at: row.take()?,
        deaths: row.take::<u64>()?.max(1),
    })
}

//! What is done to letters, each in a transaction of its own.

use chrono::{DateTime, Utc};
use domain::{DeadLetter, ReplayId};
use ports::{LetterKey, LetterState};

use crate::dropping::{Part, Session};
use crate::write::letters::{Filing, INSERT_LETTER};
use crate::write::{Asked, Parameter};

/// Letters that one statement is about, at most: SQLite takes no expression that is deeper than 1,000.
const AT_ONCE: usize = 200;

/// Notes that a letter was sent again.
#[derive(Debug)]
pub struct Replayed<'a> {
    /// The letter as it was seen.
    pub key: &'a LetterKey,
    /// The replay.
    pub replay: &'a ReplayId,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for Replayed<'_> {
    type Output = bool;

    async fn run<S: Session>(&self, session: &mut S) -> Result<bool, S::Error> {
        let Self { key, replay, now } = *self;
        let sql = "UPDATE dead_letters SET state = 'replayed', settled_at = NULL, why = NULL, replay_id = ?, replayed_at = ? \
                   WHERE id = ? AND filed_at = ?";
        let values = vec![replay.as_str().into(), now.into(), key.id.as_str().into(), key.filed_at.into()];
        Ok(session.change((sql.to_owned(), values)).await? > 0)
    }
}

/// Resolves a letter that arrived.
#[derive(Debug)]
pub struct Arrived<'a> {
    /// The letter.
    pub id: &'a str,
    /// The replay that it arrived in.
    pub replay: &'a ReplayId,
    /// What proves it.
    pub why: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for Arrived<'_> {
    type Output = bool;

    async fn run<S: Session>(&self, session: &mut S) -> Result<bool, S::Error> {
        let Self { id, replay, why, now } = *self;
        let sql = "UPDATE dead_letters SET state = 'resolved', settled_at = ?, why = ? \
                   WHERE id = ? AND state = 'replayed' AND replay_id = ?";
        let values = vec![now.into(), why.into(), id.into(), replay.as_str().into()];
        Ok(session.change((sql.to_owned(), values)).await? > 0)
    }
}

/// Settles letters; how many.
#[derive(Debug)]
pub struct Settle<'a> {
    /// The letters as they were seen.
    pub keys: &'a [LetterKey],
    /// Whether they are dropped, not resolved.
    pub dropped: bool,
    /// Why.
    pub why: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for Settle<'_> {
    type Output = u64;

    async fn run<S: Session>(&self, session: &mut S) -> Result<u64, S::Error> {
        let Self { keys, dropped, why, now } = *self;
        let state = if dropped { LetterState::Dropped } else { LetterState::Resolved };
        let mut settled = 0;
        for keys in keys.chunks(AT_ONCE) {
            let mut values: Vec<Parameter<'_>> = vec![state.as_str().into(), now.into(), why.into()];
            let each = vec!["(id = ? AND filed_at = ?)"; keys.len()].join(" OR ");
            values.extend(keys.iter().flat_map(|key| [key.id.as_str().into(), key.filed_at.into()]));
            let sql = format!(
                "UPDATE dead_letters SET state = ?, settled_at = ?, why = ? \
                 WHERE state IN ('open', 'replayed') AND ({each})"
            );
            settled += session.change((sql, values)).await?;
        }
        Ok(settled)
    }
}

/// Up to `limit` open letters of resolved groups. The groups are looked through first, which are few.
pub fn of_resolved_groups(limit: u32) -> Asked<'static> {
    let sql = "SELECT l.id AS id FROM alert_groups AS g CROSS JOIN dead_letters AS l \
               WHERE g.state = 'resolved' AND l.fingerprint = g.fingerprint AND l.state = 'open' LIMIT ?";
    (sql.to_owned(), vec![limit.into()])
}

/// Resolves the letters `ids` that are open, and whose groups are resolved; how many.
#[derive(Debug)]
pub struct SettleWithGroups<'a> {
    /// The letters, as [`of_resolved_groups`] found them.
    pub ids: &'a [String],
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for SettleWithGroups<'_> {
    type Output = u64;

    async fn run<S: Session>(&self, session: &mut S) -> Result<u64, S::Error> {
        let places = vec!["?"; self.ids.len()].join(", ");
        let sql = format!(
            "UPDATE dead_letters SET state = 'resolved', settled_at = ?, why = 'its group was resolved' \
             WHERE id IN ({places}) AND state = 'open' \
                 AND fingerprint IN (SELECT fingerprint FROM alert_groups WHERE state = 'resolved')"
        );
        let ids = self.ids.iter().map(|id| id.as_str().into());
        session.change((sql, [self.now.into()].into_iter().chain(ids).collect())).await
    }
}

/// Keeps what somebody made of a letter.
#[derive(Debug)]
pub struct KeepEdited<'a> {
    /// The letter as it was seen.
    pub original: &'a LetterKey,
    /// What it became.
    pub edited: &'a DeadLetter,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for KeepEdited<'_> {
    type Output = bool;

    async fn run<S: Session>(&self, session: &mut S) -> Result<bool, S::Error> {
        let Self { original, edited, now } = *self;
        let (id, new_id) = (original.id.as_str(), edited.id.as_str());
        let sql = "SELECT id FROM dead_letters WHERE id = ?";
        if !session.rows(sql.to_owned(), vec![new_id.into()], |row| row.get::<String>("id")).await?.is_empty()
        {
            return Ok(false);
        }
        let sql = "UPDATE dead_letters SET state = 'resolved', settled_at = ?, why = ? \
                   WHERE id = ? AND filed_at = ? AND state IN ('open', 'replayed')";
        let values =
            vec![now.into(), format!("edited as {new_id}").into(), id.into(), original.filed_at.into()];
        if session.change((sql.to_owned(), values)).await? == 0 {
            return Ok(false);
        }
        let sql = "SELECT fingerprint FROM dead_letters WHERE id = ?";
        let groups =
            session.rows(sql.to_owned(), vec![id.into()], |row| row.get::<String>("fingerprint")).await?;
        let Some(fingerprint) = groups.first() else { return Ok(false) };
        let filing = Filing { letter: edited, fingerprint, now };
        session.run(INSERT_LETTER.clone(), filing.letter().into()).await?;
        let sql = "UPDATE dead_letters SET edited_from = ? WHERE id = ?";
        session.run(sql.to_owned(), vec![id.into(), new_id.into()]).await?;
        Ok(true)
    }
}

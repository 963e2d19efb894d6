//! Lists of letters, a page at a time.

use chrono::{DateTime, Utc};
use domain::{BatchId, ReplayId, timestamp};
use ports::{DeskLetter, Handling, HourOfGroup, LetterFilter, LetterKey, LetterState, Unsettled};

use super::filter::Conditions;
use crate::columns::{HANDLED, LETTERS};
use crate::read::letters::summary;
use crate::row::{Row, Unreadable};
use crate::write::Asked;

/// How a database differs from others.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The length of a body, without reading it.
    pub body_bytes: &'static str,
    /// The hour of `filed_at` as a text such as `2026-11-22T14`.
    pub hour: &'static str,
    /// How an index is prescribed, where the database would choose a worse one.
    pub force_index: Option<&'static str>,
}

impl Dialect {
    /// What follows the table, so that a list is read in its order.
    fn hint(&self, filter: &LetterFilter) -> String {
        let LetterFilter { id, group, batch, state, .. } = filter;
        // Of these there are few letters, and the database knows how many.
        if id.is_some() || group.is_some() || batch.is_some() {
            return String::new();
        }
        let index = if state.is_some() { "dead_letters_by_state" } else { "dead_letters_by_time" };
        self.force_index.map(|force| format!(" {force} ({index})")).unwrap_or_default()
    }
}

/// Letters in the order of the list, for [`letter`].
pub fn list<'a>(
    dialect: &Dialect,
    filter: &'a LetterFilter,
    after: Option<&'a LetterKey>,
    limit: u32,
) -> Asked<'a> {
    let mut which = Conditions::of(filter);
    if let Some(key) = after {
        which.after(key);
    }
    let (which, mut values) = which.clause();
    values.push(limit.into());
    let (body_bytes, hint) = (dialect.body_bytes, dialect.hint(filter));
    let [columns @ .., _body] = LETTERS;
    let sql = format!(
        "SELECT {}, {}, {body_bytes} AS body_bytes, \
             (SELECT count(*) FROM letter_deaths WHERE letter_id = dead_letters.id) AS deaths \
         FROM dead_letters{hint} {which} ORDER BY filed_at DESC, id DESC LIMIT ?",
        columns.join(", "),
        HANDLED.join(", "),
    );
    (sql, values)
}

/// How many letters there are, as `letters`, counting no more than `most`.
pub fn count(filter: &LetterFilter, most: u64) -> Asked<'_> {
    let (which, mut values) = Conditions::of(filter).clause();
    values.push(most.into());
    (
        format!("SELECT count(*) AS letters FROM (SELECT 1 FROM dead_letters {which} LIMIT ?) AS counted"),
        values,
    )
}

/// How many letters of `groups` there are in each hour since `since`, for [`hour_of_group`].
pub fn by_hour<'a>(dialect: &Dialect, groups: &[&'a str], since: DateTime<Utc>) -> Asked<'a> {
    let places = vec!["?"; groups.len()].join(", ");
    let sql = format!(
        "SELECT fingerprint, {} AS hour, count(*) AS letters FROM dead_letters \
         WHERE fingerprint IN ({places}) AND filed_at >= ? GROUP BY 1, 2 ORDER BY 1, 2",
        dialect.hour
    );
    let groups = groups.iter().map(|group| (*group).into());
    (sql, groups.chain([since.into()]).collect())
}

/// A row of [`by_hour`].
pub fn hour_of_group(row: &dyn Row) -> Result<HourOfGroup, Unreadable> {
    let hour: String = row.get("hour")?;
    let begins = timestamp::from_text(&format!("{hour}:00:00Z"));
    Ok(HourOfGroup {
        fingerprint: row.get("fingerprint")?,
        hour: begins.ok_or_else(|| Unreadable::new("hour", "no hour"))?,
        letters: row.get("letters")?,
    })
}

/// How many letters of each group are not settled, for [`some_unsettled`]. Group by group: so it reads an index and no letter.
pub fn unsettled<'a>() -> Asked<'a> {
    let count = |state: LetterState| {
        format!(
            "(SELECT count(*) FROM dead_letters AS d WHERE d.fingerprint = g.fingerprint AND d.state = '{state}')"
        )
    };
    let (open, replayed) = (count(LetterState::Open), count(LetterState::Replayed));
    let sql = format!(
        "SELECT g.fingerprint AS fingerprint, {open} AS open, {replayed} AS replayed FROM alert_groups AS g"
    );
    (sql, Vec::new())
}

/// A row of [`unsettled`].
pub fn some_unsettled(row: &dyn Row) -> Result<(String, Unsettled), Unreadable> {
    let unsettled = Unsettled { open: row.get("open")?, replayed: row.get("replayed")? };
    Ok((row.get("fingerprint")?, unsettled))
}

/// The chunk, if the replay loaded it.
pub fn loaded<'a>(replay: &'a ReplayId, batch: &'a BatchId, page: u32, chunk: u32) -> Asked<'a> {
    let sql = "SELECT chunk FROM chunk_replays WHERE batch_id = ? AND page = ? AND replay = ? AND chunk = ?";
    (sql.to_owned(), vec![batch.as_str().into(), page.into(), replay.as_str().into(), chunk.into()])
}

/// A row of [`list`].
pub fn letter(row: &dyn Row) -> Result<DeskLetter, Unreadable> {
    Ok(DeskLetter { summary: summary(row)?, handling: handling(row)? })
}

fn handling(row: &dyn Row) -> Result<Handling, Unreadable> {
    let replay: Option<String> = row.nullable("replay_id")?;
    Ok(Handling {
        state: row.name("state")?,
        settled_at: row.nullable("settled_at")?,
        why: row.nullable("why")?,
        replay: replay.map(ReplayId::from_stored),
        replayed_at: row.nullable("replayed_at")?,
        edited_from: row.nullable("edited_from")?,
    })
}

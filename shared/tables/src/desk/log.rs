//! The record of what operators did.

use chrono::{DateTime, Utc};
use ports::{Action, LoggedAction};

use crate::columns::LOG;
use crate::dropping::{Part, Session};
use crate::row::{Row, Unreadable};
use crate::write::Parameter::Text;
use crate::write::{Asked, insert};

/// Writes down that an action begins.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The action.
    pub action: &'a Action,
    /// When.
    pub now: DateTime<Utc>,
}

impl Part for Begin<'_> {
    type Output = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<(), S::Error> {
        let Action { id, who, verb, filter, matched } = self.action;
        let values = vec![
            id.as_str().into(),
            self.now.into(),
            who.as_str().into(),
            verb.as_str().into(),
            filter.as_str().into(),
            (*matched).into(),
            0_u32.into(),
            Text(None),
        ];
        session.run(insert("desk_log", &LOG), values).await
    }
}

/// Writes down how an action went.
#[derive(Debug)]
pub struct Note<'a> {
    /// Its id.
    pub id: &'a str,
    /// To how many letters it was done.
    pub done: u64,
    /// How it ended.
    pub outcome: Option<&'a str>,
}

impl Part for Note<'_> {
    type Output = ();

    async fn run<S: Session>(&self, session: &mut S) -> Result<(), S::Error> {
        let sql = "UPDATE desk_log SET done = ?, outcome = ? WHERE id = ?";
        let values = vec![self.done.into(), Text(self.outcome.map(Into::into)), self.id.into()];
        session.run(sql.to_owned(), values).await
    }
}

/// The newest actions, for [`action`].
pub fn newest(limit: u32) -> Asked<'static> {
    let sql = format!("SELECT {} FROM desk_log ORDER BY at DESC, id DESC LIMIT ?", LOG.join(", "));
    (sql, vec![limit.into()])
}

/// A row of [`newest`].
pub fn action(row: &dyn Row) -> Result<LoggedAction, Unreadable> {
    Ok(LoggedAction {
        at: row.get("at")?,
        action: Action {
            id: row.get("id")?,
            who: row.get("who")?,
            verb: row.get("verb")?,
            filter: row.get("filter")?,
            matched: row.get("matched")?,
        },
        done: row.get("done")?,
        outcome: row.nullable("outcome")?,
    })
}

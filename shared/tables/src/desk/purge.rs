//! Deleting what was kept long enough, a few rows at a time.

use chrono::{DateTime, Utc};
use ports::{Kept, LetterFilter};

use super::filter::Conditions;
use crate::dropping::{Part, Session};
use crate::write::{Asked, Parameter};

/// Deletes the oldest; how many.
#[derive(Debug)]
pub struct Purge<'a> {
    /// Of what.
    pub kept: Kept,
    /// Which letters, when it is letters.
    pub filter: &'a LetterFilter,
    /// What is older.
    pub before: DateTime<Utc>,
    /// How many at most.
    pub limit: u32,
}

impl Part for Purge<'_> {
    type Output = u64;

    /// Whatever else comes to the rows meanwhile waits, or was there before they are looked for.
    async fn run<S: Session>(&self, session: &mut S) -> Result<u64, S::Error> {
        let (mut sql, values) = self.oldest();
        sql.push_str(S::COINS_LOCK);
        let ids = session.rows(sql, values, |row| row.get::<String>("id")).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let places = vec!["?"; ids.len()].join(", ");
        for (table, key) in self.tables() {
            let ids: Vec<Parameter<'_>> = ids.iter().map(|id| id.as_str().into()).collect();
            session.run(format!("DELETE FROM {table} WHERE {key} IN ({places})"), ids).await?;
        }
        Ok(ids.len() as u64)
    }
}

impl Purge<'_> {
    /// The ids of those that go, as `id`.
    fn oldest(&self) -> Asked<'_> {
        let (before, limit) = (self.before, self.limit);
        let (sql, mut values): (String, Vec<Parameter<'_>>) = match self.kept {
            Kept::Letters => {
                let mut which = Conditions::of(self.filter);
                which.add("settled_at < ?", [before.into()]);
                let (which, values) = which.clause();
                (format!("SELECT id FROM dead_letters {which} ORDER BY settled_at"), values)
            }
            Kept::Groups => (
                "SELECT g.fingerprint AS id FROM alert_groups AS g \
                 WHERE g.state = 'resolved' AND g.last_seen_at < ? \
                     AND NOT EXISTS (SELECT 1 FROM dead_letters AS l WHERE l.fingerprint = g.fingerprint) \
                     AND NOT EXISTS (SELECT 1 FROM mail_covers AS c WHERE c.fingerprint = g.fingerprint) \
                 ORDER BY g.last_seen_at"
                    .to_owned(),
                vec![before.into()],
            ),
            Kept::Mails => (
                "SELECT id FROM mail_outbox WHERE posted_at < ? AND (sent_at < ? OR refused_at < ?) \
                 ORDER BY posted_at"
                    .to_owned(),
                vec![before.into(); 3],
            ),
            Kept::Log => ("SELECT id FROM desk_log WHERE at < ? ORDER BY at".to_owned(), vec![before.into()]),
        };
        values.push(limit.into());
        (format!("{sql} LIMIT ?"), values)
    }

    /// The tables that lose rows, and by which column.
    fn tables(&self) -> &'static [(&'static str, &'static str)] {
        match self.kept {
            Kept::Letters => &[("letter_deaths", "letter_id"), ("dead_letters", "id")],
            Kept::Groups => &[("alert_groups", "fingerprint")],
            Kept::Mails => &[("mail_outbox", "id")],
            Kept::Log => &[("desk_log", "id")],
        }
    }
}

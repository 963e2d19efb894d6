//! What keeps mails from arriving, as of one moment.

use chrono::{DateTime, Utc};
use ports::MailTrouble;

use crate::browse::{Look, View};
use crate::row::{Row, Unreadable};

/// Finds out what keeps mails from arriving.
#[derive(Clone, Copy, Debug)]
pub struct Undelivered {
    /// An instant before all others, as SQL.
    pub never: &'static str,
}

impl View for Undelivered {
    type Output = MailTrouble;

    async fn read<L: Look>(&self, look: &mut L) -> Result<MailTrouble, L::Error> {
        let mut trouble = of_waiting(look.rows(WAITING, Vec::new(), waiting).await?);
        (trouble.refused, trouble.refusal) = self.refusals(look, Which::Mails).await?;
        (trouble.refused_copies, trouble.copy_refusal) = self.refusals(look, Which::Copies).await?;
        Ok(trouble)
    }
}

impl Undelivered {
    /// How many were refused since one was sent, and the last of them.
    async fn refusals<L: Look>(
        &self,
        look: &mut L,
        which: Which,
    ) -> Result<(u64, Option<(DateTime<Utc>, String)>), L::Error> {
        let counts = look.rows(&count_refused(which, self.never), Vec::new(), refused).await?;
        let count = counts.into_iter().sum();
        if count == 0 {
            return Ok((0, None));
        }
        Ok((count, look.rows(&last_refused(which), Vec::new(), refusal).await?.pop()))
    }
}

/// The mails that wait, oldest first, for [`waiting`].
const WAITING: &str = "SELECT posted_at, last_tried_at, failure FROM mail_outbox \
    WHERE sent_at IS NULL AND refused_at IS NULL ORDER BY posted_at, id";

/// Which messages are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Those that cover groups.
    Mails,
    /// Those that say the same on another channel.
    Copies,
}

impl Which {
    fn condition(self) -> &'static str {
        match self {
            Self::Mails => "copy_of IS NULL",
            Self::Copies => "copy_of IS NOT NULL",
        }
    }
}

/// How many messages were refused since one was sent, for [`refused`]; `never` is an instant before all others, as SQL.
fn count_refused(which: Which, never: &str) -> String {
    let which = which.condition();
    format!(
        "SELECT count(*) AS refused FROM mail_outbox \
         WHERE refused_at IS NOT NULL AND taken_at IS NULL AND {which} AND posted_at > coalesce( \
             (SELECT posted_at FROM mail_outbox WHERE (sent_at IS NOT NULL OR taken_at IS NOT NULL) AND {which} \
              ORDER BY posted_at DESC LIMIT 1), {never})"
    )
}

/// The last message that was refused, for [`refusal`].
fn last_refused(which: Which) -> String {
    let which = which.condition();
    format!(
        "SELECT refused_at, refusal FROM mail_outbox \
         WHERE sent_at IS NULL AND refused_at IS NOT NULL AND taken_at IS NULL AND {which} \
         ORDER BY refused_at DESC LIMIT 1"
    )
}

/// A row of [`WAITING`].
#[derive(Debug)]
struct WaitingMail {
    posted_at: DateTime<Utc>,
    last_tried_at: Option<DateTime<Utc>>,
    failure: Option<String>,
}

/// A row of [`WAITING`].
fn waiting(row: &dyn Row) -> Result<WaitingMail, Unreadable> {
    Ok(WaitingMail {
        posted_at: row.get("posted_at")?,
        last_tried_at: row.nullable("last_tried_at")?,
        failure: row.nullable("failure")?,
    })
}

/// The row of [`count_refused`].
fn refused(row: &dyn Row) -> Result<u64, Unreadable> {
    row.get("refused")
}

/// The row of [`last_refused`].
fn refusal(row: &dyn Row) -> Result<(DateTime<Utc>, String), Unreadable> {
    Ok((row.get("refused_at")?, row.nullable("refusal")?.unwrap_or_default()))
}

/// What keeps `mails` from arriving, which wait, oldest first.
fn of_waiting(mails: Vec<WaitingMail>) -> MailTrouble {
    let mut trouble = MailTrouble::default();
    let mut last_tried_at = None;
    for mail in mails {
        trouble.waiting += 1;
        trouble.waiting_since.get_or_insert(mail.posted_at);
        if mail.last_tried_at > last_tried_at {
            (last_tried_at, trouble.failure) = (mail.last_tried_at, mail.failure);
        }
    }
    trouble
}

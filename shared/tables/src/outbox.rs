//! Reading the mails.

use chrono::{DateTime, Utc};
use ports::{Fate, Mail, MailTrouble, PostedMail};

use crate::row::Row;

/// The mails that wait, oldest first, which [`waiting`] reads.
pub const WAITING: &str = "SELECT posted_at, last_tried_at, failure FROM mail_outbox \
    WHERE sent_at IS NULL AND refused_at IS NULL ORDER BY posted_at, id";

/// The mail that was refused last, which [`refusal`] reads.
pub const LAST_REFUSED: &str = "SELECT refused_at, refusal FROM mail_outbox \
    WHERE sent_at IS NULL AND refused_at IS NOT NULL ORDER BY refused_at DESC LIMIT 1";

/// What a mail, the value to bind, covers.
pub const COVERED: &str = "SELECT c.fingerprint, c.letters, c.mailed_at, c.mailed_total, m.posted_at \
    FROM mail_covers AS c JOIN mail_outbox AS m ON m.id = c.mail_id WHERE c.mail_id = ?";

/// The trouble that the rows of [`WAITING`] tell of: how many wait, since when, and what failed last.
pub fn waiting<R: Row>(rows: impl Iterator<Item = R>) -> Result<MailTrouble, R::Error> {
    let mut trouble = MailTrouble::default();
    let mut last_tried_at = None;
    for mut row in rows {
        let posted_at = row.take()?;
        trouble.waiting += 1;
        trouble.waiting_since.get_or_insert(posted_at);
        let (tried_at, failure) = (row.instant()?, row.text()?);
        if tried_at > last_tried_at {
            (last_tried_at, trouble.failure) = (tried_at, failure);
        }
    }
    Ok(trouble)
}

/// A row of [`LAST_REFUSED`]: when, and why.
pub fn refusal<R: Row>(mut row: R) -> Result<(DateTime<Utc>, String), R::Error> {
    Ok((row.take()?, row.text()?.unwrap_or_default()))
}

/// What a mail covers of a group.
#[derive(Debug)]
pub struct CoveredGroup {
    /// The group.
    pub fingerprint: String,
    /// How many of its letters the mail tells of.
    pub letters: u64,
    /// When the group was mailed before that, if it was.
    pub mailed_at: Option<DateTime<Utc>>,
    /// Its total when it was mailed before that.
    pub mailed_total: u64,
    /// When the mail was posted.
    pub posted_at: DateTime<Utc>,
}

/// A row of [`COVERED`].
pub fn covered<R: Row>(mut row: R) -> Result<CoveredGroup, R::Error> {
    Ok(CoveredGroup {
        fingerprint: row.take()?,
        letters: row.take()?,
        mailed_at: row.take()?,
        mailed_total: row.take()?,
        posted_at: row.take()?,
    })
}

/// A row of when it was posted, how often it was tried, whether it was sent, and when refused.
pub fn posted<R: Row>(mut row: R) -> Result<PostedMail, R::Error> {
    let (posted_at, attempts) = (row.take()?, row.take()?);
    let (is_sent, refused_at): (bool, _) = (row.take()?, row.instant()?);
    let fate = if is_sent { Fate::Sent } else { refused_at.map_or(Fate::Waiting, Fate::Refused) };
    Ok(PostedMail { posted_at, attempts, fate })
}

/// A row of id, subject, body, when it was posted, how often it was tried and claimed; with that number of claims.
pub fn claimed<R: Row>(mut row: R) -> Result<(Mail, u64), R::Error> {
    let mail = Mail {
        id: row.take()?,
        subject: row.take()?,
        body: row.take()?,
        posted_at: row.take()?,
        attempts: row.take()?,
    };
    Ok((mail, row.take()?))
}

//! Reading the outbox.

use chrono::{DateTime, Utc};
use ports::{ClaimedMail, Fate, Mail, PostedMail};

use crate::row::{Row, Unreadable};

/// The name of the installation.
pub const INSTALLATION: &str = "SELECT id FROM installation WHERE one = 1";

/// The mails posted since an instant, and those that wait, oldest first, for [`posted_mail`]; binds the instant twice. What says
/// the same on another channel is not among them.
pub const POSTED: &str = "SELECT posted_at, attempts, (sent_at IS NOT NULL OR taken_at IS NOT NULL) AS is_sent, refused_at, id \
    FROM mail_outbox WHERE posted_at >= ? AND copy_of IS NULL \
    UNION ALL \
    SELECT posted_at, attempts, 0, NULL, id FROM mail_outbox \
    WHERE sent_at IS NULL AND refused_at IS NULL AND posted_at < ? AND taken_at IS NULL AND copy_of IS NULL \
    ORDER BY posted_at, id";

/// What a mail covered, for [`cover`]; binds the mail's id.
pub const COVERED: &str = "SELECT c.fingerprint AS fingerprint, c.letters AS letters, c.mailed_at AS mailed_at, \
        c.mailed_total AS mailed_total, c.told_at AS told_at, m.posted_at AS posted_at \
    FROM mail_covers AS c JOIN mail_outbox AS m ON m.id = c.mail_id WHERE c.mail_id = ?";

/// Whether there is a mail; binds its id.
pub const IS_POSTED: &str = "SELECT 1 FROM mail_outbox WHERE id = ?";

/// The columns of a mail for [`claimed_mail`].
pub const CLAIMED: &str =
    "id, channel, subject, body, html, headers, recipients, posted_at, attempts, claims";

/// A row of [`POSTED`].
pub fn posted_mail(row: &dyn Row) -> Result<PostedMail, Unreadable> {
    let refused_at: Option<_> = row.nullable("refused_at")?;
    let fate = if row.get("is_sent")? { Fate::Sent } else { refused_at.map_or(Fate::Waiting, Fate::Refused) };
    Ok(PostedMail { posted_at: row.get("posted_at")?, attempts: row.get("attempts")?, fate })
}

/// A row of [`CLAIMED`].
pub fn claimed_mail(row: &dyn Row) -> Result<ClaimedMail, Unreadable> {
    let mail = Mail {
        id: row.get("id")?,
        channel: row.name("channel")?,
        subject: row.get("subject")?,
        body: row.get("body")?,
        html: row.nullable("html")?,
        headers: row.json("headers")?.unwrap_or_default(),
        left: row.json("recipients")?.unwrap_or_default(),
        posted_at: row.get("posted_at")?,
        attempts: row.get("attempts")?,
    };
    Ok(ClaimedMail { mail, number: row.get("claims")? })
}

/// What a mail covered of a group: a row of [`COVERED`].
#[derive(Debug)]
pub struct Cover {
    /// The group.
    pub fingerprint: String,
    /// Deaths that the mail told about.
    pub letters: u64,
    /// When a mail before this one told about the group.
    pub mailed_at: Option<DateTime<Utc>>,
    /// The group's total then.
    pub mailed_total: u64,
    /// When a mail before this one told that the group is open.
    pub told_at: Option<DateTime<Utc>>,
    /// When this mail was posted.
    pub posted_at: DateTime<Utc>,
}

/// A row of [`COVERED`].
pub fn cover(row: &dyn Row) -> Result<Cover, Unreadable> {
    Ok(Cover {
        fingerprint: row.get("fingerprint")?,
        letters: row.get("letters")?,
        mailed_at: row.nullable("mailed_at")?,
        mailed_total: row.get("mailed_total")?,
        told_at: row.nullable("told_at")?,
        posted_at: row.get("posted_at")?,
    })
}

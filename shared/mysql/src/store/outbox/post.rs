//! Planning and posting a mail.

use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{Covered, Mail, OutboxState, Planner, Posting};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::letters::{group, untold_groups};
use tables::read::outbox::{INSTALLATION, POSTED, posted_mail};
use tables::read::silences::{silence, silences};
use tables::write::outbox::{INSERT_MAIL, mail as outbox_row};

use super::lock;
use crate::database::Work;
use crate::error::is_duplicate;
use crate::store::columns::{read, read_all};
use crate::store::parameters::{datetime, query};

/// Reads what a plan is made from, without the lock.
pub(super) struct ReadState {
    pub(super) since: DateTime<Utc>,
}

impl Work for ReadState {
    type Output = OutboxState;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<OutboxState, sqlx::Error> {
        let row = sqlx::query(INSTALLATION).fetch_one(&mut *connection).await?;
        state(connection, read(&row, |row| row.get("id"))?, self.since).await
    }
}

/// Posts what `plan` makes of what there is.
pub(super) struct Post<'a> {
    pub(super) since: DateTime<Utc>,
    pub(super) plan: &'a Planner<'a>,
}

impl Work for Post<'_> {
    type Output = Option<Mail>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<Mail>, sqlx::Error> {
        let installation = lock(connection).await?;
        let state = state(connection, installation, self.since).await?;
        let Some(Posting { mail, covered, copies }) = (self.plan)(&state) else { return Ok(None) };
        let posted_at = datetime(mail.posted_at);
        let posted = query(INSERT_MAIL.as_str(), outbox_row(&mail, None)).execute(&mut *connection).await;
        match posted {
            Err(error) if is_duplicate(&error) => return Ok(None),
            posted => posted?,
        };
        for Covered { fingerprint, letters, total, is_end } in covered {
            // Letters may be filed meanwhile: they count in the group, and not in what is taken off it.
            let sql = "INSERT INTO mail_covers (mail_id, fingerprint, letters, mailed_at, mailed_total, told_at) \
                       SELECT ?, fingerprint, LEAST(unsent, ?), mailed_at, mailed_total, told_at FROM alert_groups \
                       WHERE fingerprint = ?";
            let covers = sqlx::query(sql).bind(mail.id.as_str()).bind(letters);
            covers.bind(fingerprint.as_str()).execute(&mut *connection).await?;
            let sql = "UPDATE alert_groups SET unsent = unsent - LEAST(unsent, ?), mailed_at = ?, mailed_total = ?, told_at = ? \
                       WHERE fingerprint = ?";
            let taken = sqlx::query(sql).bind(letters).bind(posted_at).bind(total);
            let taken = taken.bind((!is_end).then_some(posted_at));
            taken.bind(fingerprint.as_str()).execute(&mut *connection).await?;
        }
        for copy in &copies {
            let row = outbox_row(copy, Some(&mail.id));
            let copied = query(INSERT_MAIL.as_str(), row).execute(&mut *connection).await;
            if let Err(error) = copied
                && !is_duplicate(&error)
            {
                return Err(error);
            }
        }
        Ok(Some(Mail { posted_at: timestamp::to_millis(mail.posted_at), ..mail }))
    }
}

async fn state(
    connection: &mut MySqlConnection,
    installation: String,
    since: DateTime<Utc>,
) -> Result<OutboxState, sqlx::Error> {
    let groups = sqlx::query(AssertSqlSafe(untold_groups())).fetch_all(&mut *connection).await?;
    let since = datetime(since);
    let mails = sqlx::query(POSTED).bind(since).bind(since).fetch_all(&mut *connection).await?;
    let silent = sqlx::query(AssertSqlSafe(silences())).bind(since).fetch_all(connection).await?;
    Ok(OutboxState {
        installation,
        groups: read_all(&groups, group)?,
        mails: read_all(&mails, posted_mail)?,
        silences: read_all(&silent, silence)?,
    })
}

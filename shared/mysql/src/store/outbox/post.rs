//! Planning and posting a mail.

use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{Covered, Mail, Planner, Posting, Standing};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::{Row as _, letters, outbox};

use super::lock;
use crate::database::Work;
use crate::error::is_duplicate;
use crate::store::columns::{Columns, datetime};

/// What there is to plan from, for a look.
pub(super) struct Look {
    pub(super) since: DateTime<Utc>,
}

impl Work for Look {
    type Output = Standing;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Standing, sqlx::Error> {
        let sql = "SELECT id FROM installation WHERE one = 1";
        let row = sqlx::query(sql).fetch_one(&mut *connection).await?;
        standing(connection, Columns::new(&row).take()?, self.since).await
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
        let standing = standing(connection, installation, self.since).await?;
        let Some(Posting { mail, covered }) = (self.plan)(&standing) else { return Ok(None) };
        let posted_at = datetime(mail.posted_at);
        let posted = sqlx::query(
            "INSERT INTO mail_outbox (id, subject, body, posted_at, attempts, due_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(mail.id.as_str())
        .bind(mail.subject.as_str())
        .bind(mail.body.as_str())
        .bind(posted_at)
        .bind(mail.attempts)
        .bind(posted_at)
        .execute(&mut *connection)
        .await;
        match posted {
            Err(error) if is_duplicate(&error) => return Ok(None),
            posted => posted?,
        };
        for Covered { fingerprint, letters, total } in covered {
            // Letters may be filed meanwhile: they count in the group, and not in what is taken off it.
            let sql = "INSERT INTO mail_covers (mail_id, fingerprint, letters, mailed_at, mailed_total) \
                       SELECT ?, fingerprint, LEAST(unsent, ?), mailed_at, mailed_total FROM alert_groups \
                       WHERE fingerprint = ?";
            let covers = sqlx::query(sql).bind(mail.id.as_str()).bind(letters);
            covers.bind(fingerprint.as_str()).execute(&mut *connection).await?;
            let sql = "UPDATE alert_groups SET unsent = unsent - LEAST(unsent, ?), mailed_at = ?, mailed_total = ? \
                       WHERE fingerprint = ?";
            let taken = sqlx::query(sql).bind(letters).bind(posted_at).bind(total);
            taken.bind(fingerprint.as_str()).execute(&mut *connection).await?;
        }
        Ok(Some(Mail { posted_at: timestamp::to_millis(mail.posted_at), ..mail }))
    }
}

async fn standing(
    connection: &mut MySqlConnection,
    installation: String,
    since: DateTime<Utc>,
) -> Result<Standing, sqlx::Error> {
    let groups = sqlx::query(AssertSqlSafe(letters::unsent_groups())).fetch_all(&mut *connection).await?;
    let sql = "SELECT posted_at, attempts, sent_at IS NOT NULL, refused_at, id FROM mail_outbox WHERE posted_at >= ? \
               UNION ALL \
               SELECT posted_at, attempts, 0, NULL, id FROM mail_outbox \
               WHERE sent_at IS NULL AND refused_at IS NULL AND posted_at < ? \
               ORDER BY posted_at, id";
    let since = datetime(since);
    let mails = sqlx::query(sql).bind(since).bind(since).fetch_all(connection).await?;
    Ok(Standing {
        installation,
        groups: groups.iter().map(Columns::new).map(letters::group).collect::<Result<_, _>>()?,
        mails: mails.iter().map(Columns::new).map(outbox::posted).collect::<Result<_, _>>()?,
    })
}

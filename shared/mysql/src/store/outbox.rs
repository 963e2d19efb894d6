//! The outbox.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Covered, Mail, MailResult, Outbox, StoreError};
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::columns::{Columns, datetime};
use super::{MysqlStore, one};
use crate::database::Work;
use crate::error::is_duplicate;

#[async_trait]
impl Outbox for MysqlStore {
    async fn post(&self, mail: &Mail, covered: &[Covered]) -> Result<(), StoreError> {
        Ok(self.database.write(&Post { mail, covered }).await?)
    }

    async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Mail>, StoreError> {
        let sql = "SELECT id, subject, body, posted_at, attempts FROM mail_outbox \
                   WHERE sent_at IS NULL AND refused_at IS NULL AND due_at <= ? ORDER BY posted_at, id";
        let rows = self.database.read(sqlx::query(sql).bind(datetime(now))).await?;
        rows.iter().map(mail).collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }

    async fn record_attempt(
        &self,
        id: &str,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<(), StoreError> {
        Ok(self.database.write(&Attempt { id, at, result }).await?)
    }

    async fn posted_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM mail_outbox WHERE posted_at >= ?";
        let rows = self.database.read(sqlx::query(sql).bind(datetime(since))).await?;
        one(rows.iter().map(|row| Columns::new(row).count())).map_err(|error| self.blame(error))
    }
}

struct Post<'a> {
    mail: &'a Mail,
    covered: &'a [Covered],
}

impl Work for Post<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let Self { mail, covered } = self;
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
            Err(error) if is_duplicate(&error) => return Ok(()),
            posted => posted?,
        };
        for Covered { fingerprint, letters } in *covered {
            sqlx::query(
                "UPDATE alert_groups SET unsent = unsent - LEAST(unsent, ?), mailed_at = ?, mailed_total = total \
                 WHERE fingerprint = ?",
            )
            .bind(letters)
            .bind(posted_at)
            .bind(fingerprint.as_str())
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}

struct Attempt<'a> {
    id: &'a str,
    at: DateTime<Utc>,
    result: &'a MailResult,
}

impl Work for Attempt<'_> {
    type Output = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let at = datetime(self.at);
        let query = match self.result {
            MailResult::Sent => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, sent_at = ? WHERE id = ?",
            )
            .bind(at)
            .bind(at),
            MailResult::RetryAt(due_at) => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, due_at = ? WHERE id = ?",
            )
            .bind(at)
            .bind(datetime(*due_at)),
            MailResult::Refused(reason) => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, refused_at = ?, refusal = ? \
                 WHERE id = ?",
            )
            .bind(at)
            .bind(at)
            .bind(reason.as_str()),
        };
        query.bind(self.id).execute(connection).await?;
        Ok(())
    }
}

fn mail(row: &MySqlRow) -> Result<Mail, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Mail {
        id: columns.take()?,
        subject: columns.take()?,
        body: columns.take()?,
        posted_at: columns.instant()?,
        attempts: columns.take()?,
    })
}

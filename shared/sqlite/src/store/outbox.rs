//! The outbox in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{Covered, Mail, MailResult, Outbox, StoreError};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::columns::Columns;
use super::ledger::integer;

#[async_trait]
impl Outbox for SqliteStore {
    async fn post(&self, mail: &Mail, covered: &[Covered]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        post(&mut transaction, mail, covered).await.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))
    }

    async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Mail>, StoreError> {
        let sql = "SELECT id, subject, body, posted_at, attempts FROM mail_outbox \
                   WHERE sent_at IS NULL AND refused_at IS NULL AND due_at <= ? ORDER BY posted_at, id";
        let mails = sqlx::query(sql).bind(timestamp::to_text(now)).fetch_all(self.database.readers()).await;
        mails.and_then(|mails| mails.iter().map(mail).collect()).map_err(|error| self.blame(error))
    }

    async fn record_attempt(
        &self,
        id: &str,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<(), StoreError> {
        let at = timestamp::to_text(at);
        let query = match result {
            MailResult::Sent => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, sent_at = ? WHERE id = ?",
            )
            .bind(at.clone())
            .bind(at),
            MailResult::RetryAt(due_at) => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, due_at = ? WHERE id = ?",
            )
            .bind(at)
            .bind(timestamp::to_text(*due_at)),
            MailResult::Refused(reason) => sqlx::query(
                "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?1, refused_at = ?1, refusal = ?2 \
                 WHERE id = ?3",
            )
            .bind(at)
            .bind(reason.as_str()),
        };
        let mut transaction = self.database.begin().await?;
        query.bind(id).execute(&mut *transaction).await.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))
    }

    async fn posted_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM mail_outbox WHERE posted_at >= ?";
        let row = sqlx::query(sql).bind(timestamp::to_text(since)).fetch_one(self.database.readers()).await;
        row.and_then(|row| Columns::new(&row).count()).map_err(|error| self.blame(error))
    }
}

async fn post(
    connection: &mut SqliteConnection,
    mail: &Mail,
    covered: &[Covered],
) -> Result<(), sqlx::Error> {
    let posted_at = timestamp::to_text(mail.posted_at);
    let posted = sqlx::query(
        "INSERT INTO mail_outbox (id, subject, body, posted_at, attempts, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?4) \
         ON CONFLICT DO NOTHING",
    )
    .bind(mail.id.as_str())
    .bind(mail.subject.as_str())
    .bind(mail.body.as_str())
    .bind(posted_at.as_str())
    .bind(mail.attempts)
    .execute(&mut *connection)
    .await?;
    if posted.rows_affected() == 0 {
        return Ok(());
    }
    for Covered { fingerprint, letters } in covered {
        sqlx::query(
            "UPDATE alert_groups SET unsent = max(unsent - ?, 0), mailed_at = ?, mailed_total = total \
             WHERE fingerprint = ?",
        )
        .bind(integer(*letters))
        .bind(posted_at.as_str())
        .bind(fingerprint.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn mail(row: &SqliteRow) -> Result<Mail, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Mail {
        id: columns.take()?,
        subject: columns.take()?,
        body: columns.take()?,
        posted_at: columns.instant()?,
        attempts: columns.take()?,
    })
}

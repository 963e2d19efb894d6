//! The outbox in SQLite. What changes it takes the file's one write lock when it begins, so that nobody comes between
//! what it reads and what it writes.

mod settle;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::{
    CLOCK_SKEW, Claim, ClaimedMail, Covered, Mail, MailResult, MailTrouble, Outbox, OutboxState, Planner,
    Posting, StoreError,
};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::browse::View;
use tables::read::letters::{group, untold_groups};
use tables::read::outbox::{CLAIMED, INSTALLATION, IS_POSTED, POSTED, claimed_mail, posted_mail};
use tables::read::silences::{silence, silences};
use tables::undelivered::Undelivered;
use tables::write::outbox::{INSERT_MAIL, RECORD, mail as outbox_row, record as recorded_as};

use super::SqliteStore;
use super::browse::Reading;
use super::columns::{read, read_all};
use super::parameters::{integer, query};

#[async_trait]
impl Outbox for SqliteStore {
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        let blame = |error| self.blame(error);
        // Most of the time there is nothing to post, and reading without the lock shows it.
        let mut reader = self.database.readers().acquire().await.map_err(blame)?;
        if plan(&state(&mut reader, since).await.map_err(blame)?).is_none() {
            return Ok(None);
        }
        drop(reader);
        let mut transaction = self.database.begin().await?;
        let state = state(&mut transaction, since).await.map_err(blame)?;
        let Some(posting) = plan(&state) else { return Ok(None) };
        if !post(&mut transaction, &posting).await.map_err(blame)? {
            return Ok(None);
        }
        transaction.commit().await.map_err(blame)?;
        let posted_at = timestamp::to_millis(posting.mail.posted_at);
        Ok(Some(Mail { posted_at, ..posting.mail }))
    }

    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError> {
        const CLAIMABLE: &str = "SELECT id FROM mail_outbox \
             WHERE sent_at IS NULL AND refused_at IS NULL AND channel = ?4 AND (due_at <= ?1 OR due_at > ?2) \
                 AND (claimed_at IS NULL OR claimed_until <= ?1 OR claimed_at > ?3) \
             ORDER BY posted_at, id LIMIT 1";
        let blame = |error| self.blame(error);
        let instants = [claim.now, claim.far, claim.now + CLOCK_SKEW].map(timestamp::to_text);
        let [now, far, skewed] = &instants;
        let claimable =
            || sqlx::query_scalar(CLAIMABLE).bind(now).bind(far).bind(skewed).bind(claim.channel.as_str());
        // Most of the time there is none, which needs no lock.
        let found: Option<String> =
            claimable().fetch_optional(self.database.readers()).await.map_err(blame)?;
        if found.is_none() {
            return Ok(None);
        }
        let mut transaction = self.database.begin().await?;
        let found: Option<String> = claimable().fetch_optional(&mut *transaction).await.map_err(blame)?;
        let Some(id) = found else { return Ok(None) };
        let sql = "UPDATE mail_outbox SET claims = claims + 1, claimed_at = ?, claimed_until = ? WHERE id = ? \
                   RETURNING";
        let sql = format!("{sql} {CLAIMED}");
        let claimed =
            sqlx::query(AssertSqlSafe(sql)).bind(now).bind(timestamp::to_text(claim.until)).bind(id);
        let row = claimed.fetch_one(&mut *transaction).await.map_err(blame)?;
        let claimed = read(&row, claimed_mail).map_err(blame)?;
        transaction.commit().await.map_err(blame)?;
        Ok(Some(claimed))
    }

    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError> {
        let blame = |error| self.blame(error);
        let mut transaction = self.database.begin().await?;
        let recorded = record(&mut transaction, (id, number), at, result).await.map_err(blame)?;
        transaction.commit().await.map_err(blame)?;
        Ok(recorded)
    }

    async fn is_posted(&self, id: &str) -> Result<bool, StoreError> {
        let found = sqlx::query(IS_POSTED).bind(id).fetch_optional(self.database.readers()).await;
        found.map(|row| row.is_some()).map_err(|error| self.blame(error))
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        let blame = |error| self.blame(error);
        let mut reader = self.database.readers().begin().await.map_err(blame)?;
        Undelivered { never: "''" }.read(&mut Reading(&mut reader)).await.map_err(blame)
    }
}

async fn state(connection: &mut SqliteConnection, since: DateTime<Utc>) -> Result<OutboxState, sqlx::Error> {
    let row = sqlx::query(INSTALLATION).fetch_one(&mut *connection).await?;
    let groups = sqlx::query(AssertSqlSafe(untold_groups())).fetch_all(&mut *connection).await?;
    let since = timestamp::to_text(since);
    let mails =
        sqlx::query(POSTED).bind(since.as_str()).bind(since.as_str()).fetch_all(&mut *connection).await?;
    let silent = sqlx::query(AssertSqlSafe(silences())).bind(since.as_str()).fetch_all(connection).await?;
    Ok(OutboxState {
        installation: read(&row, |row| row.get("id"))?,
        groups: read_all(&groups, group)?,
        mails: read_all(&mails, posted_mail)?,
        silences: read_all(&silent, silence)?,
    })
}

async fn post(connection: &mut SqliteConnection, posting: &Posting) -> Result<bool, sqlx::Error> {
    let Posting { mail, covered, copies } = posting;
    let posted_at = timestamp::to_text(mail.posted_at);
    let sql = format!("{} ON CONFLICT DO NOTHING", *INSERT_MAIL);
    let posted = query(AssertSqlSafe(sql.clone()), outbox_row(mail, None)).execute(&mut *connection).await?;
    if posted.rows_affected() == 0 {
        return Ok(false);
    }
    for Covered { fingerprint, letters, total, is_end } in covered {
        let sql = "INSERT INTO mail_covers (mail_id, fingerprint, letters, mailed_at, mailed_total, told_at) \
                   SELECT ?, fingerprint, min(unsent, ?), mailed_at, mailed_total, told_at FROM alert_groups \
                   WHERE fingerprint = ?";
        let covers = sqlx::query(sql).bind(mail.id.as_str()).bind(integer(*letters));
        covers.bind(fingerprint.as_str()).execute(&mut *connection).await?;
        let sql = "UPDATE alert_groups SET unsent = max(unsent - ?, 0), mailed_at = ?, mailed_total = ?, told_at = ? \
                   WHERE fingerprint = ?";
        let taken = sqlx::query(sql).bind(integer(*letters)).bind(posted_at.as_str()).bind(integer(*total));
        let taken = taken.bind((!is_end).then_some(posted_at.as_str()));
        taken.bind(fingerprint.as_str()).execute(&mut *connection).await?;
    }
    for copy in copies {
        let row = outbox_row(copy, Some(&mail.id));
        query(AssertSqlSafe(sql.clone()), row).execute(&mut *connection).await?;
    }
    Ok(true)
}

/// Records `result` of the claim, if it is still the mail's last.
async fn record(
    connection: &mut SqliteConnection,
    (id, number): (&str, u64),
    at: DateTime<Utc>,
    result: &MailResult,
) -> Result<bool, sqlx::Error> {
    let values = recorded_as((id, number), at, result);
    let recorded = query(RECORD, values).execute(&mut *connection).await?;
    if recorded.rows_affected() == 0 {
        return Ok(false);
    }
    match result {
        MailResult::Sent | MailResult::Partly { .. } => settle::forget(connection, id).await?,
        MailResult::Refused(_) => settle::give_back(connection, id).await?,
        MailResult::RetryAt { .. } => {}
    }
    Ok(true)
}

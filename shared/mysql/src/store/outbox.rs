//! The outbox. What changes it locks the row of `installation` first, so that nobody comes between what it reads and
//! what it writes.

mod claim;
mod post;
mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Claim, ClaimedMail, Mail, MailResult, MailTrouble, Outbox, Planner, StoreError};
use sqlx::mysql::MySqlConnection;
use tables::{Row as _, outbox};

use super::MysqlStore;
use super::columns::Columns;
use crate::database::Work;
use claim::Claiming;
use post::{Look, Post};
use record::Record;

#[async_trait]
impl Outbox for MysqlStore {
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        // Most of the time there is nothing to post, and a look without the lock shows it.
        let standing = self.database.snapshot(&Look { since }).await?;
        if plan(&standing).is_none() {
            return Ok(None);
        }
        Ok(self.database.write(&Post { since, plan }).await?)
    }

    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError> {
        // Most of the time there is none, which needs no lock.
        if self.database.read(claim::claimable(claim)).await?.is_empty() {
            return Ok(None);
        }
        Ok(self.database.write(&Claiming(claim)).await?)
    }

    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError> {
        Ok(self.database.write(&Record { id, number, at, result }).await?)
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        Ok(self.database.snapshot(&Trouble).await?)
    }
}

/// Keeps all others that change the outbox waiting until the end of the transaction; the installation's name.
async fn lock(connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let sql = "SELECT id FROM installation WHERE one = 1 FOR UPDATE";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    Columns::new(&row).take()
}

/// Reads what keeps mails from arriving.
struct Trouble;

impl Work for Trouble {
    type Output = MailTrouble;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<MailTrouble, sqlx::Error> {
        let waiting = sqlx::query(outbox::WAITING).fetch_all(&mut *connection).await?;
        let mut trouble = outbox::waiting(waiting.iter().map(Columns::new))?;
        let sql = "SELECT COUNT(*) FROM mail_outbox WHERE refused_at IS NOT NULL AND posted_at > COALESCE( \
                       (SELECT posted_at FROM mail_outbox WHERE sent_at IS NOT NULL ORDER BY posted_at DESC LIMIT 1), \
                       '1000-01-01')";
        let row = sqlx::query(sql).fetch_one(&mut *connection).await?;
        trouble.refused = Columns::new(&row).take()?;
        if trouble.refused > 0 {
            let row = sqlx::query(outbox::LAST_REFUSED).fetch_one(connection).await?;
            trouble.refusal = Some(outbox::refusal(Columns::new(&row))?);
        }
        Ok(trouble)
    }
}

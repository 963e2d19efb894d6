//! The outbox. What changes it locks the row of `installation` first, so that nobody comes between what it reads and
//! what it writes.

mod claim;
mod post;
mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Claim, ClaimedMail, Mail, MailResult, MailTrouble, Outbox, Planner, StoreError};
use sqlx::mysql::MySqlConnection;
use tables::read::outbox::IS_POSTED;
use tables::undelivered::Undelivered;

use super::MysqlStore;
use super::browse::AtOneMoment;
use super::columns::read;
use claim::Claiming;
use post::{Post, ReadState};
use record::Record;

#[async_trait]
impl Outbox for MysqlStore {
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        // Most of the time there is nothing to post, and reading without the lock shows it.
        let state = self.database.snapshot(&ReadState { since }).await?;
        if plan(&state).is_none() {
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

    async fn is_posted(&self, id: &str) -> Result<bool, StoreError> {
        Ok(!self.database.read(sqlx::query(IS_POSTED).bind(id)).await?.is_empty())
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        Ok(self.database.snapshot(&AtOneMoment(Undelivered { never: "'1000-01-01'" })).await?)
    }
}

/// Keeps all others that change the outbox waiting until the end of the transaction; the installation's name.
async fn lock(connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let sql = "SELECT id FROM installation WHERE one = 1 FOR UPDATE";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    read(&row, |row| row.get("id"))
}

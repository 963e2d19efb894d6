//! The outbox. What changes it locks the row of `installation` first, so that nobody comes between what it reads and
//! what it writes.

mod claim;
mod post;
mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ports::{Claim, ClaimedMail, Mail, MailResult, MailTrouble, Outbox, Planner, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::outbox::{
    self, IS_POSTED, WAITING, Which, count_refused, last_refused, refusal, refused, waiting,
};

use super::MysqlStore;
use super::columns::{read, read_all};
use crate::database::Work;
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
        Ok(self.database.snapshot(&Trouble).await?)
    }
}

/// Keeps all others that change the outbox waiting until the end of the transaction; the installation's name.
async fn lock(connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let sql = "SELECT id FROM installation WHERE one = 1 FOR UPDATE";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    read(&row, |row| row.get("id"))
}

/// Reads what keeps mails from arriving.
struct Trouble;

impl Work for Trouble {
    type Output = MailTrouble;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<MailTrouble, sqlx::Error> {
        let mails: Vec<_> = read_all(&sqlx::query(WAITING).fetch_all(&mut *connection).await?, waiting)?;
        let mut trouble = outbox::trouble(mails);
        (trouble.refused, trouble.refusal) = refusals(connection, Which::Mails).await?;
        (trouble.refused_copies, trouble.copy_refusal) = refusals(connection, Which::Copies).await?;
        Ok(trouble)
    }
}

/// How many were refused since one was sent, and the last of them.
async fn refusals(
    connection: &mut MySqlConnection,
    which: Which,
) -> Result<(u64, Option<(DateTime<Utc>, String)>), sqlx::Error> {
    let sql = count_refused(which, "'1000-01-01'");
    let count = read(&sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?, refused)?;
    if count == 0 {
        return Ok((0, None));
    }
    let row = sqlx::query(AssertSqlSafe(last_refused(which))).fetch_one(connection).await?;
    Ok((count, Some(read(&row, refusal)?)))
}

//! Recording what became of a mail; what a refused one covered goes back to its groups.

use chrono::{DateTime, Utc};
use ports::MailResult;
use sqlx::mysql::MySqlConnection;
use tables::read::outbox::{COVERED, Cover, cover};
use tables::write::outbox::{FORGET_COVERED, RECORD, record as recorded_as};

use super::lock;
use crate::database::Work;
use crate::store::columns::read;
use crate::store::parameters::{datetime, query};

/// The result of a claim.
pub(super) struct Record<'a> {
    pub(super) id: &'a str,
    pub(super) number: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) result: &'a MailResult,
}

impl Work for Record<'_> {
    type Output = bool;

    /// `false` when the claim is not the mail's last any more, or was recorded.
    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        lock(connection).await?;
        let values = recorded_as((self.id, self.number), self.at, self.result);
        let recorded = query(RECORD, values).execute(&mut *connection).await?;
        if recorded.rows_affected() == 0 {
            return Ok(false);
        }
        match self.result {
            MailResult::Sent | MailResult::Partly { .. } => forget(connection, self.id).await?,
            MailResult::Refused(_) => give_back(connection, self.id).await?,
            MailResult::RetryAt { .. } => {}
        }
        Ok(true)
    }
}

/// Gives the groups back what the mail `id` covered. Those that a later mail told about since keep what that says.
async fn give_back(connection: &mut MySqlConnection, id: &str) -> Result<(), sqlx::Error> {
    for row in sqlx::query(COVERED).bind(id).fetch_all(&mut *connection).await? {
        let cover = read(&row, cover)?;
        let Cover { fingerprint, letters, mailed_at, mailed_total, told_at, posted_at } = cover;
        let posted_at = datetime(posted_at);
        // Columns are assigned from left to right: mailed_at decides, so it comes last.
        let sql = "UPDATE alert_groups SET unsent = LEAST(unsent + ?, total), \
                       mailed_total = IF(mailed_at = ?, ?, mailed_total), \
                       told_at = IF(mailed_at = ?, ?, told_at), \
                       mailed_at = IF(mailed_at = ?, ?, mailed_at) \
                   WHERE fingerprint = ?";
        let query = sqlx::query(sql).bind(letters).bind(posted_at).bind(mailed_total);
        let query = query.bind(posted_at).bind(told_at.map(datetime));
        let query = query.bind(posted_at).bind(mailed_at.map(datetime)).bind(fingerprint);
        query.execute(&mut *connection).await?;
    }
    forget(connection, id).await
}

/// A mail that is settled covers nothing any more.
async fn forget(connection: &mut MySqlConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(FORGET_COVERED).bind(id).execute(connection).await?;
    Ok(())
}

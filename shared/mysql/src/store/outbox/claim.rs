//! Claiming a mail.

use ports::{CLOCK_SKEW, Claim, ClaimedMail};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::outbox::{CLAIMED, claimed_mail};

use super::lock;
use crate::database::Work;
use crate::store::columns::read;
use crate::store::parameters::{Query, datetime};

/// Asks for the mail to claim next.
pub(super) fn claimable(claim: Claim) -> Query<'static> {
    let now = datetime(claim.now);
    let sql = format!(
        "SELECT {CLAIMED} FROM mail_outbox \
         WHERE sent_at IS NULL AND refused_at IS NULL AND channel = ? AND (due_at <= ? OR due_at > ?) \
             AND (claimed_at IS NULL OR claimed_until <= ? OR claimed_at > ?) \
         ORDER BY posted_at, id LIMIT 1"
    );
    let query =
        sqlx::query(AssertSqlSafe(sql)).bind(claim.channel.as_str()).bind(now).bind(datetime(claim.far));
    query.bind(now).bind(datetime(claim.now + CLOCK_SKEW))
}

/// Claims it.
pub(super) struct Claiming(pub(super) Claim);

impl Work for Claiming {
    type Output = Option<ClaimedMail>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<ClaimedMail>, sqlx::Error> {
        let Self(claim) = self;
        lock(connection).await?;
        let Some(row) = claimable(*claim).fetch_optional(&mut *connection).await? else { return Ok(None) };
        let ClaimedMail { mail, number } = read(&row, claimed_mail)?;
        let number = number + 1;
        let sql = "UPDATE mail_outbox SET claims = ?, claimed_at = ?, claimed_until = ? WHERE id = ?";
        sqlx::query(sql)
            .bind(number)
            .bind(datetime(claim.now))
            .bind(datetime(claim.until))
            .bind(mail.id.as_str())
            .execute(connection)
            .await?;
        Ok(Some(ClaimedMail { mail, number }))
    }
}

//! Claiming a mail.

use ports::{CLOCK_SKEW, Claim, ClaimedMail};
use sqlx::MySql;
use sqlx::mysql::{MySqlArguments, MySqlConnection};
use sqlx::query::Query;
use tables::outbox;

use super::lock;
use crate::database::Work;
use crate::store::columns::{Columns, datetime};

/// Asks for the mail to claim next.
pub(super) fn claimable(claim: Claim) -> Query<'static, MySql, MySqlArguments> {
    let now = datetime(claim.now);
    sqlx::query(
        "SELECT id, subject, body, posted_at, attempts, claims FROM mail_outbox \
         WHERE sent_at IS NULL AND refused_at IS NULL AND (due_at <= ? OR due_at > ?) \
             AND (claimed_at IS NULL OR claimed_until <= ? OR claimed_at > ?) \
         ORDER BY posted_at, id LIMIT 1",
    )
    .bind(now)
    .bind(datetime(claim.far))
    .bind(now)
    .bind(datetime(claim.now + CLOCK_SKEW))
}

/// Claims it.
pub(super) struct Claiming(pub(super) Claim);

impl Work for Claiming {
    type Output = Option<ClaimedMail>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<ClaimedMail>, sqlx::Error> {
        let Self(claim) = self;
        lock(connection).await?;
        let Some(row) = claimable(*claim).fetch_optional(&mut *connection).await? else { return Ok(None) };
        let (mail, claims) = outbox::claimed(Columns::new(&row))?;
        let number = claims + 1;
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

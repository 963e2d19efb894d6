//! What becomes of what a mail covered, when it is sent or refused.

use chrono::{DateTime, Utc};
use domain::timestamp;
use sqlx::SqliteConnection;

use crate::store::columns::Columns;

/// Gives the groups back what the mail `id` covered. Those that a later mail told about since keep what that says.
pub(super) async fn give_back(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    let sql = "SELECT c.fingerprint, c.letters, c.mailed_at, c.mailed_total, m.posted_at \
               FROM mail_covers AS c JOIN mail_outbox AS m ON m.id = c.mail_id WHERE c.mail_id = ?";
    for row in sqlx::query(sql).bind(id).fetch_all(&mut *connection).await? {
        let mut columns = Columns::new(&row);
        let (fingerprint, letters): (String, i64) = (columns.take()?, columns.take()?);
        let mailed_at: Option<DateTime<Utc>> = columns.optional_instant()?;
        let (mailed_total, posted_at): (i64, _) = (columns.take()?, columns.instant()?);
        let sql = "UPDATE alert_groups SET unsent = min(unsent + ?1, total), \
                       mailed_total = CASE WHEN mailed_at = ?2 THEN ?3 ELSE mailed_total END, \
                       mailed_at = CASE WHEN mailed_at = ?2 THEN ?4 ELSE mailed_at END \
                   WHERE fingerprint = ?5";
        sqlx::query(sql)
            .bind(letters)
            .bind(timestamp::to_text(posted_at))
            .bind(mailed_total)
            .bind(mailed_at.map(timestamp::to_text))
            .bind(fingerprint)
            .execute(&mut *connection)
            .await?;
    }
    forget(connection, id).await
}

/// A mail that is settled covers nothing any more.
pub(super) async fn forget(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM mail_covers WHERE mail_id = ?").bind(id).execute(connection).await?;
    Ok(())
}

//! What becomes of what a mail covered, when it is sent or refused.

use domain::timestamp;
use sqlx::SqliteConnection;
use tables::outbox;

use crate::store::columns::Columns;
use crate::store::ledger::integer;

/// Gives the groups back what the mail `id` covered. Those that a later mail told about since keep what that says.
pub(super) async fn give_back(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    for row in sqlx::query(outbox::COVERED).bind(id).fetch_all(&mut *connection).await? {
        let covered = outbox::covered(Columns::new(&row))?;
        let sql = "UPDATE alert_groups SET unsent = min(unsent + ?1, total), \
                       mailed_total = CASE WHEN mailed_at = ?2 THEN ?3 ELSE mailed_total END, \
                       mailed_at = CASE WHEN mailed_at = ?2 THEN ?4 ELSE mailed_at END \
                   WHERE fingerprint = ?5";
        sqlx::query(sql)
            .bind(integer(covered.letters))
            .bind(timestamp::to_text(covered.posted_at))
            .bind(integer(covered.mailed_total))
            .bind(covered.mailed_at.map(timestamp::to_text))
            .bind(covered.fingerprint)
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

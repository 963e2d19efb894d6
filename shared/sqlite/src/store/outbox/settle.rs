//! What becomes of what a mail covered, when it is sent or refused.

use domain::timestamp;
use sqlx::SqliteConnection;
use tables::read::outbox::{COVERED, Cover, cover};
use tables::write::outbox::FORGET_COVERED;

use crate::store::columns::read;
use crate::store::parameters::integer;

/// Gives the groups back what the mail `id` covered. Those that a later mail told about since keep what that says.
pub(super) async fn give_back(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    for row in sqlx::query(COVERED).bind(id).fetch_all(&mut *connection).await? {
        let Cover { fingerprint, letters, mailed_at, mailed_total, told_at, posted_at } = read(&row, cover)?;
        let sql = "UPDATE alert_groups SET unsent = min(unsent + ?1, total), \
                       mailed_total = CASE WHEN mailed_at = ?2 THEN ?3 ELSE mailed_total END, \
                       told_at = CASE WHEN mailed_at = ?2 THEN ?6 ELSE told_at END, \
                       mailed_at = CASE WHEN mailed_at = ?2 THEN ?4 ELSE mailed_at END \
                   WHERE fingerprint = ?5";
        let group = sqlx::query(sql).bind(integer(letters)).bind(timestamp::to_text(posted_at));
        let group = group.bind(integer(mailed_total)).bind(mailed_at.map(timestamp::to_text));
        group.bind(fingerprint).bind(told_at.map(timestamp::to_text)).execute(&mut *connection).await?;
    }
    forget(connection, id).await
}

/// A mail that is settled covers nothing any more.
pub(super) async fn forget(connection: &mut SqliteConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(FORGET_COVERED).bind(id).execute(connection).await?;
    Ok(())
}

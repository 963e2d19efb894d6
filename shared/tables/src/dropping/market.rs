//! The rows of a batch of a kind of the market that goes. There are few of them, so they go in one transaction.
//!
//! A table has one row for all batches that had the same thing, of the newest of them: where the batch that goes was that, the row
//! goes, and comes back when the others are rebuilt. A coin in the map that other maps had stays, as of the map before.

use chrono::{DateTime, Utc};
use domain::{BatchId, MarketKind};

use super::Session;
use crate::write::Parameter;

/// Another map that is in the tables.
struct OtherMap {
    batch: String,
    slot: DateTime<Utc>,
    /// When its first page was fetched: so a rebuild of any of its pages is newer than what is said to be of it.
    fetched_at: DateTime<Utc>,
}

/// Takes the rows of `batch` out of the table of its `kind`. How many went, or do not name it any more.
pub(super) async fn take_out<S: Session>(
    session: &mut S,
    batch: &BatchId,
    kind: MarketKind,
) -> Result<u64, S::Error> {
    let table = kind.description().table;
    let sql = format!("SELECT COUNT(*) AS named FROM {table} WHERE batch_id = ?");
    let named = session.rows(sql, vec![batch.as_str().into()], |row| row.get::<u64>("named")).await?;
    if kind.is_list() {
        fall_back(session, batch, table).await?;
    }
    let sql = format!("DELETE FROM {table} WHERE batch_id = ?");
    session.run(sql, vec![batch.as_str().into()]).await?;
    if kind == MarketKind::Map {
        let sql = "DELETE FROM complete_maps WHERE batch_id = ?";
        session.run(sql.to_owned(), vec![batch.as_str().into()]).await?;
    }
    Ok(named.into_iter().sum())
}

/// Sets the rows of `table`, which is of a list, to what the lists before and after `batch` prove: nothing of it is left that only the
/// batch had.
async fn fall_back<S: Session>(session: &mut S, batch: &BatchId, table: &str) -> Result<(), S::Error> {
    let sql = "SELECT slot FROM batches WHERE id = ?";
    let slot = session.rows(sql.to_owned(), vec![batch.as_str().into()], |row| row.get("slot")).await?;
    let Some(slot): Option<DateTime<Utc>> = slot.into_iter().next() else { return Ok(()) };
    let sql = format!("DELETE FROM {table} WHERE first_seen_at = ? AND last_seen_at = ?");
    session.run(sql, vec![slot.into(), slot.into()]).await?;
    let before = next_to(session, batch, slot, "<", "DESC").await?;
    let after = next_to(session, batch, slot, ">", "ASC").await?;
    // Whether the list before had each of the coins is not known. Most likely it had; when not, the list after tells.
    let sql = format!(
        "UPDATE {table} SET last_seen_at = CASE WHEN first_seen_at > ? THEN first_seen_at ELSE ? END \
         WHERE last_seen_at = ?"
    );
    let last = before.as_ref().map_or(DateTime::<Utc>::UNIX_EPOCH, |before| before.slot);
    session.run(sql, vec![last.into(), last.into(), slot.into()]).await?;
    let sql = format!(
        "UPDATE {table} SET first_seen_at = CASE WHEN last_seen_at < ? THEN last_seen_at ELSE ? END \
         WHERE first_seen_at = ?"
    );
    if let Some(first) = after.as_ref().map(|after| after.slot) {
        session.run(sql, vec![first.into(), first.into(), slot.into()]).await?;
    }
    // What the batch said of a coin stays until one of the others is rebuilt, under the name of that one.
    for (other, condition) in [(&before, "first_seen_at <= ?"), (&after, "last_seen_at >= ?")] {
        if let Some(other) = other {
            let sql =
                format!("UPDATE {table} SET batch_id = ?, fetched_at = ? WHERE batch_id = ? AND {condition}");
            let values: Vec<Parameter<'_>> = vec![
                other.batch.as_str().into(),
                other.fetched_at.into(),
                batch.as_str().into(),
                other.slot.into(),
            ];
            session.run(sql, values).await?;
        }
    }
    Ok(())
}

/// The list that was due next to `slot`, on the side that `compare` and `order` tell.
async fn next_to<S: Session>(
    session: &mut S,
    batch: &BatchId,
    slot: DateTime<Utc>,
    compare: &str,
    order: &str,
) -> Result<Option<OtherMap>, S::Error> {
    let sql = format!(
        "SELECT b.id AS id, b.slot AS slot, ( \
             SELECT MIN(c.fetched_at) FROM batch_chunks AS c WHERE c.batch_id = b.id) AS fetched_at \
         FROM batches AS b \
         WHERE b.slot {compare} ? AND b.endpoint = ? AND b.dropped_at IS NULL \
             AND EXISTS (SELECT 1 FROM batch_chunks AS c WHERE c.batch_id = b.id AND c.fetched_at IS NOT NULL) \
         ORDER BY b.slot {order} LIMIT 1"
    );
    let found = session.rows(sql, vec![slot.into(), batch.endpoint().into()], |row| {
        Ok(OtherMap { batch: row.get("id")?, slot: row.get("slot")?, fetched_at: row.get("fetched_at")? })
    });
    Ok(found.await?.pop())
}

//! The statements on `queue_messages` and the bodies of messages. Each runs in its caller's transaction.

use chrono::{DateTime, Utc};
use domain::{Headers, Message};
use ports::{Depth, QueueName};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::message_row::{headers_to_text, message_from, to_column};
use crate::error::Error;

/// A lease: its message, and the number that each lease on a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeaseKey {
    pub(super) seq: i64,
    pub(super) claims: i64,
}

/// A message that may be delivered.
pub(super) struct Candidate {
    pub(super) seq: i64,
    pub(super) message: Message,
    /// Whether it was delivered before, and that lease expired.
    pub(super) expired: bool,
    pub(super) deliveries: u32,
}

/// Inserts a message; gives the number of its body.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    to: QueueName,
    message: &Message,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let insert =
        sqlx::query("INSERT INTO queue_messages (queue, id, headers, published_at) VALUES (?, ?, ?, ?)");
    let insert = insert.bind(to.as_str()).bind(message.id.as_str()).bind(headers_to_text(&message.headers));
    let inserted = insert.bind(now.timestamp_millis()).execute(&mut *connection).await?;
    let seq = inserted.last_insert_rowid();
    let insert = sqlx::query("INSERT INTO queue_bodies (number, body) VALUES (?, ?)");
    insert.bind(seq).bind(&message.body[..]).execute(connection).await?;
    Ok(seq)
}

/// When the next message of `queue` may be delivered, in milliseconds; 0: at once; `None`: it is empty.
pub(super) async fn next_due(pool: &SqlitePool, queue: QueueName) -> Result<Option<i64>, Error> {
    let due = sqlx::query_scalar("SELECT min(available_at) FROM queue_messages WHERE queue = ?");
    Ok(due.bind(queue.as_str()).fetch_one(pool).await?)
}

/// The messages of `queue` to deliver next, `limit` at most: retries and expired leases first, so that a backlog cannot hold
/// them up, then the oldest.
pub(super) async fn candidates(
    connection: &mut SqliteConnection,
    queue: QueueName,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Candidate>, Error> {
    let due = sqlx::query(
        "SELECT seq, id, headers, leased, deliveries, body FROM queue_messages \
         LEFT JOIN queue_bodies ON number = seq \
         WHERE queue = ? AND available_at > 0 AND available_at <= ? ORDER BY available_at, seq LIMIT ?",
    );
    let due = due.bind(queue.as_str()).bind(now.timestamp_millis()).bind(to_limit(limit));
    let mut rows = due.fetch_all(&mut *connection).await?;
    if rows.len() < limit {
        let fresh = sqlx::query(
            "SELECT seq, id, headers, leased, deliveries, body FROM queue_messages \
             LEFT JOIN queue_bodies ON number = seq \
             WHERE queue = ? AND available_at = 0 ORDER BY seq LIMIT ?",
        );
        let fresh = fresh.bind(queue.as_str()).bind(to_limit(limit - rows.len()));
        rows.extend(fresh.fetch_all(connection).await?);
    }
    let candidate = |row| {
        Ok(Candidate {
            seq: Row::try_get(row, "seq")?,
            message: message_from(row)?,
            expired: row.try_get("leased")?,
            deliveries: row.try_get("deliveries")?,
        })
    };
    rows.iter().map(candidate).collect()
}

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Leases the message `seq` until `until`.
pub(super) async fn lease(
    connection: &mut SqliteConnection,
    seq: i64,
    until: DateTime<Utc>,
) -> Result<LeaseKey, Error> {
    let claims = sqlx::query_scalar(
        "UPDATE queue_messages SET leased = 1, available_at = ?, deliveries = deliveries + 1, \
         claims = claims + 1 WHERE seq = ? RETURNING claims",
    );
    let claims = claims.bind(to_column(until)).bind(seq).fetch_one(connection).await?;
    Ok(LeaseKey { seq, claims })
}

/// Renews a lease. When it was lost nothing happens.
pub(super) async fn renew(
    connection: &mut SqliteConnection,
    key: LeaseKey,
    until: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query("UPDATE queue_messages SET available_at = ? WHERE seq = ? AND claims = ? AND leased = 1")
        .bind(to_column(until))
        .bind(key.seq)
        .bind(key.claims)
        .execute(connection)
        .await?;
    Ok(())
}

/// Requeues a message: this delivery does not count towards the delivery limit. `false`: the lease was lost.
pub(super) async fn requeue(connection: &mut SqliteConnection, key: LeaseKey) -> Result<bool, Error> {
    let update = sqlx::query(
        "UPDATE queue_messages SET leased = 0, available_at = 0, deliveries = deliveries - 1 \
         WHERE seq = ? AND claims = ? AND leased = 1",
    );
    let updated = update.bind(key.seq).bind(key.claims).execute(connection).await?;
    Ok(updated.rows_affected() == 1)
}

/// Deletes a leased message. `false`: the lease was lost.
pub(super) async fn delete(connection: &mut SqliteConnection, key: LeaseKey) -> Result<bool, Error> {
    let delete = sqlx::query("DELETE FROM queue_messages WHERE seq = ? AND claims = ? AND leased = 1");
    let deleted = delete.bind(key.seq).bind(key.claims).execute(connection).await?;
    Ok(deleted.rows_affected() == 1)
}

/// Makes the message `seq` the letter about it, which has the same body. The body stays where it is: inserting it again
/// would take four copies in memory. With `claims`, `false`: that lease was lost.
pub(super) async fn dead_letter(
    connection: &mut SqliteConnection,
    seq: i64,
    claims: Option<i64>,
    letter: &Message,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let update = sqlx::query(
        "UPDATE queue_messages SET queue = ?, id = ?, headers = ?, published_at = ?, leased = 0, deliveries = 0, \
         available_at = 0 WHERE seq = ? AND (? IS NULL OR claims = ? AND leased = 1)",
    );
    let update = update.bind(QueueName::Dead.as_str()).bind(letter.id.as_str());
    let update = update.bind(headers_to_text(&letter.headers)).bind(now.timestamp_millis());
    let updated = update.bind(seq).bind(claims).bind(claims).execute(connection).await?;
    Ok(updated.rows_affected() == 1)
}

/// Makes a leased message available again at `available_at`, as a new one. `false`: the lease was lost.
pub(super) async fn retry(
    connection: &mut SqliteConnection,
    key: LeaseKey,
    headers: &Headers,
    available_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let update = sqlx::query(
        "UPDATE queue_messages SET leased = 0, deliveries = 0, headers = ?, available_at = ? \
         WHERE seq = ? AND claims = ? AND leased = 1",
    );
    let update = update.bind(headers_to_text(headers)).bind(to_column(available_at));
    let updated = update.bind(key.seq).bind(key.claims).execute(connection).await?;
    Ok(updated.rows_affected() == 1)
}

pub(super) async fn depth(pool: &SqlitePool, queue: QueueName, now: DateTime<Utc>) -> Result<Depth, Error> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE available_at <= ?2) AS ready, \
         count(*) FILTER (WHERE available_at > ?2 AND NOT leased) AS delayed, \
         count(*) FILTER (WHERE available_at > ?2 AND leased) AS unsettled, \
         min(published_at) AS oldest_at \
         FROM queue_messages WHERE queue = ?1",
    );
    let row = row.bind(queue.as_str()).bind(now.timestamp_millis()).fetch_one(pool).await?;
    let oldest_at: Option<i64> = row.try_get("oldest_at")?;
    Ok(Depth {
        ready: row.try_get("ready")?,
        delayed: row.try_get("delayed")?,
        unsettled: row.try_get("unsettled")?,
        oldest_at: oldest_at.and_then(DateTime::from_timestamp_millis),
    })
}

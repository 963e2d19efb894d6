//! The archive of raw pages: inserted when they are published, deleted by age and by total size.

use chrono::{DateTime, Utc};
use domain::{Message, header};
use ports::{ArchiveRange, Archived};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::message_row::{headers_to_text, message_from};
use super::options::QueueOptions;
use crate::error::Error;

/// Inserts `page`, whose body is number `body`, unless its id is there already, and deletes what is too old or too much. A page of
/// the past that was asked for again takes the place of the one that came before.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    page: &Message,
    body: i64,
    now: DateTime<Utc>,
    options: &QueueOptions,
) -> Result<(), Error> {
    if let Some(received_at) = page.headers.get(header::RECEIVED_AT) {
        sqlx::query("DELETE FROM queue_archive WHERE id = ? AND json_extract(headers, ?) < ?")
            .bind(page.id.as_str())
            .bind(format!("$.\"{}\"", header::RECEIVED_AT))
            .bind(received_at)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "INSERT INTO queue_archive (id, headers, archived_at, size, body) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(page.id.as_str())
    .bind(headers_to_text(&page.headers))
    .bind(now.timestamp_millis())
    .bind(to_integer(page.size()))
    .bind(body)
    .execute(&mut *connection)
    .await?;
    let keep = i64::try_from(options.archive_keep.as_millis()).unwrap_or(i64::MAX);
    sqlx::query("DELETE FROM queue_archive WHERE archived_at <= ?")
        .bind(now.timestamp_millis().saturating_sub(keep))
        .execute(&mut *connection)
        .await?;
    // Counts sizes from the newest to the oldest; deletes what is over the limit.
    sqlx::query(
        "DELETE FROM queue_archive WHERE position IN (SELECT position FROM \
         (SELECT position, sum(size) OVER (ORDER BY position DESC) AS so_far FROM queue_archive) \
         WHERE so_far > ?)",
    )
    .bind(to_integer(options.archive_max_bytes))
    .execute(connection)
    .await?;
    Ok(())
}

/// The positions of what was archived since then.
pub(super) async fn range(pool: &SqlitePool, since: Option<DateTime<Utc>>) -> Result<ArchiveRange, Error> {
    let sql = "SELECT min(position) FILTER (WHERE archived_at >= ?) - 1 AS after, max(position) AS newest \
               FROM queue_archive";
    let since = since.map_or(i64::MIN, |since| since.timestamp_millis());
    let row = sqlx::query(sql).bind(since).fetch_one(pool).await?;
    let position = |name| row.try_get(name).map(|position: Option<i64>| position.map(i64::cast_unsigned));
    let end = position("newest")?.unwrap_or(0);
    Ok(ArchiveRange { after: position("after")?.unwrap_or(end), end })
}

/// Up to `limit` pages after the position `after`.
pub(super) async fn read(pool: &SqlitePool, after: u64, limit: u32) -> Result<Vec<Archived>, Error> {
    let rows = sqlx::query(
        "SELECT position, id, headers, b.body FROM queue_archive AS a \
         LEFT JOIN queue_bodies AS b ON b.number = a.body WHERE position > ? ORDER BY position LIMIT ?",
    );
    let rows = rows.bind(to_integer(after)).bind(limit).fetch_all(pool).await?;
    let page = |row| {
        let position: i64 = Row::try_get(row, "position")?;
        Ok(Archived { position: position.cast_unsigned(), message: message_from(row)? })
    };
    rows.iter().map(page).collect()
}

fn to_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! Filing a death: the letter, its place among the deaths of the letter, the count of its group.

use chrono::{DateTime, Utc};
use domain::{DeadLetter, StageName, timestamp};
use sqlx::SqliteConnection;

/// Files a death in the caller's transaction; `false` when it was filed before.
pub(super) async fn file(
    connection: &mut SqliteConnection,
    letter: &DeadLetter,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // A program of the version before, which may run beside this one, files letters without their deaths.
    sqlx::query(
        "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, stage, attempt, \
             first_seen_at, filed_at) \
         SELECT id, 1, '', fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at \
         FROM dead_letters WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM letter_deaths WHERE letter_id = ?1)",
    )
    .bind(letter.id.as_str())
    .execute(&mut *connection)
    .await?;
    let life = letter.life();
    let sql = "SELECT coalesce(max(number), 0), coalesce(max(life = ? AND class = ? AND code = ?), 0) \
               FROM letter_deaths WHERE letter_id = ?";
    let (deaths, is_known): (i64, bool) = sqlx::query_as(sql)
        .bind(life.as_str())
        .bind(letter.class.as_str())
        .bind(letter.code.as_str())
        .bind(letter.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if is_known {
        return Ok(false);
    }
    let stage = letter.stage.map(StageName::as_str);
    let first_seen_at = timestamp::to_text(letter.first_seen_at);
    let now = timestamp::to_text(now);
    // The letter becomes what its newest death says.
    sqlx::query(
        "INSERT INTO dead_letters (id, class, code, reason, stage, attempt, first_seen_at, headers, body, \
             fingerprint, filed_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET class = excluded.class, code = excluded.code, reason = excluded.reason, \
             stage = excluded.stage, attempt = excluded.attempt, first_seen_at = excluded.first_seen_at, \
             headers = excluded.headers, body = excluded.body, fingerprint = excluded.fingerprint, \
             filed_at = excluded.filed_at",
    )
    .bind(letter.id.as_str())
    .bind(letter.class.as_str())
    .bind(letter.code.as_str())
    .bind(letter.reason.as_str())
    .bind(stage)
    .bind(letter.attempt)
    .bind(first_seen_at.as_str())
    .bind(serde_json::json!(letter.headers).to_string())
    .bind(&letter.body[..])
    .bind(fingerprint)
    .bind(now.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, stage, attempt, \
             first_seen_at, filed_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(letter.id.as_str())
    .bind(deaths + 1)
    .bind(life.as_str())
    .bind(fingerprint)
    .bind(letter.class.as_str())
    .bind(letter.code.as_str())
    .bind(letter.reason.as_str())
    .bind(stage)
    .bind(letter.attempt)
    .bind(first_seen_at.as_str())
    .bind(now.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO alert_groups (fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, \
             total, unsent, mailed_total) \
         VALUES (?, ?, ?, ?, ?, 'open', ?, ?, 1, 1, 0) \
         ON CONFLICT DO UPDATE SET reason = excluded.reason, state = excluded.state, \
             first_seen_at = min(first_seen_at, excluded.first_seen_at), last_seen_at = excluded.last_seen_at, \
             total = total + 1, unsent = unsent + 1",
    )
    .bind(fingerprint)
    .bind(stage)
    .bind(letter.class.as_str())
    .bind(letter.code.as_str())
    .bind(letter.reason.as_str())
    .bind(first_seen_at)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(true)
}

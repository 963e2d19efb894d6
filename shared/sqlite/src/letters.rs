//! The dead-letter desk in SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, MessageId, StageName, timestamp};
use ports::{AlertGroup, FiledLetter, GroupState, Letters, StoreError};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::store::SqliteStore;
use crate::store::columns::Columns;

#[async_trait]
impl Letters for SqliteStore {
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let filed = file(&mut transaction, letter, fingerprint, self.now()).await;
        let filed = filed.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(filed)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let sql = "SELECT fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, unsent, \
                       mailed_at, mailed_total \
                   FROM alert_groups WHERE ?1 IS NULL OR state = ?1 ORDER BY last_seen_at DESC, fingerprint";
        let state = state.map(GroupState::as_str);
        let rows = sqlx::query(sql).bind(state).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(group).collect()).map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<FiledLetter>, StoreError> {
        let query = match fingerprint {
            Some(fingerprint) => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                 FROM dead_letters WHERE fingerprint = ? ORDER BY filed_at DESC, id LIMIT ?",
            )
            .bind(fingerprint),
            None => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                 FROM dead_letters ORDER BY filed_at DESC, id LIMIT ?",
            ),
        };
        let rows = query.bind(limit).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(filed).collect()).map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        let sql = "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                   FROM dead_letters WHERE id = ?";
        let row = sqlx::query(sql).bind(id).fetch_optional(self.database.readers()).await;
        row.and_then(|row| row.as_ref().map(filed).transpose()).map_err(|error| self.blame(error))
    }
}

async fn file(
    connection: &mut SqliteConnection,
    letter: &DeadLetter,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let stage = letter.stage.map(StageName::as_str);
    let first_seen_at = timestamp::to_text(letter.first_seen_at);
    let now = timestamp::to_text(now);
    let filed = sqlx::query(
        "INSERT INTO dead_letters (id, class, code, reason, stage, attempt, first_seen_at, headers, body, \
             fingerprint, filed_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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
    if filed.rows_affected() == 0 {
        return Ok(false);
    }
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

fn group(row: &SqliteRow) -> Result<AlertGroup, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(AlertGroup {
        fingerprint: columns.take()?,
        stage: columns.optional_name()?,
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        state: columns.name()?,
        first_seen_at: columns.instant()?,
        last_seen_at: columns.instant()?,
        total: columns.count()?,
        unsent: columns.count()?,
        mailed_at: columns.optional_instant()?,
        mailed_total: columns.count()?,
    })
}

fn filed(row: &SqliteRow) -> Result<FiledLetter, sqlx::Error> {
    let mut columns = Columns::new(row);
    let letter = DeadLetter {
        id: MessageId::new(columns.take::<String>()?),
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        stage: columns.optional_name()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        headers: {
            let json: &str = columns.take()?;
            columns.checked(serde_json::from_str(json))?
        },
        body: columns.take::<Vec<u8>>()?.into(),
    };
    Ok(FiledLetter { letter, fingerprint: columns.take()?, filed_at: columns.instant()? })
}

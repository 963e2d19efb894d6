//! The dead-letter desk.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{DeadLetter, MessageId, StageName};
use ports::{AlertGroup, FiledLetter, GroupState, Letters, StoreError};
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::database::Work;
use crate::error::is_duplicate;
use crate::store::columns::{Columns, datetime};
use crate::store::{MysqlStore, one};

#[async_trait]
impl Letters for MysqlStore {
    /// A letter that is longer than the server's `max_allowed_packet` is a misconfiguration that says so.
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        self.check_length(letter).await?;
        Ok(self.database.write(&File { letter, fingerprint, now: self.now() }).await?)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let sql = "SELECT fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, unsent, \
                       mailed_at, mailed_total \
                   FROM alert_groups WHERE ? IS NULL OR state = ? ORDER BY last_seen_at DESC, fingerprint";
        let state = state.map(GroupState::as_str);
        let rows = self.database.read(sqlx::query(sql).bind(state).bind(state)).await?;
        rows.iter().map(group).collect::<Result<_, _>>().map_err(|error| self.blame(error))
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
        let rows = self.database.read(query.bind(limit)).await?;
        rows.iter().map(filed).collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        let sql = "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                   FROM dead_letters WHERE id = ?";
        let rows = self.database.read(sqlx::query(sql).bind(id)).await?;
        rows.first().map(filed).transpose().map_err(|error| self.blame(error))
    }
}

/// No server takes packets that are shorter than this.
const SHORT: usize = 1 << 20;

impl MysqlStore {
    /// A server cuts the connection in the middle of a packet that is too long, which looks like an outage:
    /// waiting would never end.
    async fn check_length(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let headers: usize = letter.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        // JSON writes a byte with up to six.
        let length = letter.body.len() + 6 * headers + letter.code.len() + letter.reason.len() + 4096;
        if length <= SHORT {
            return Ok(());
        }
        let sql = "SELECT CAST(@@max_allowed_packet AS UNSIGNED)";
        let rows = self.database.read(sqlx::query(sql)).await?;
        let limit =
            one(rows.iter().map(|row| Columns::new(row).count())).map_err(|error| self.blame(error))?;
        if usize::try_from(limit).is_ok_and(|limit| length > limit) {
            let reason = format!(
                "{}: the letter {} needs {length} bytes, and max_allowed_packet of the server is {limit}; raise it",
                self.database.place(),
                letter.id
            );
            return Err(StoreError::Misconfigured { reason });
        }
        Ok(())
    }
}

struct File<'a> {
    letter: &'a DeadLetter,
    fingerprint: &'a str,
    now: DateTime<Utc>,
}

impl Work for File<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let Self { letter, fingerprint, now } = self;
        let stage = letter.stage.map(StageName::as_str);
        let first_seen_at = datetime(letter.first_seen_at);
        let now = datetime(*now);
        let filed = sqlx::query(
            "INSERT INTO dead_letters (id, class, code, reason, stage, attempt, first_seen_at, headers, body, \
                 fingerprint, filed_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(letter.id.as_str())
        .bind(letter.class.as_str())
        .bind(letter.code.as_str())
        .bind(letter.reason.as_str())
        .bind(stage)
        .bind(letter.attempt)
        .bind(first_seen_at)
        .bind(serde_json::json!(letter.headers).to_string())
        .bind(&letter.body[..])
        .bind(fingerprint)
        .bind(now)
        .execute(&mut *connection)
        .await;
        match filed {
            Err(error) if is_duplicate(&error) => return Ok(false),
            filed => filed?,
        };
        sqlx::query(
            "INSERT INTO alert_groups (fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, \
                 total, unsent, mailed_total) \
             VALUES (?, ?, ?, ?, ?, 'open', ?, ?, 1, 1, 0) \
             ON DUPLICATE KEY UPDATE reason = VALUES(reason), state = VALUES(state), \
                 first_seen_at = LEAST(first_seen_at, VALUES(first_seen_at)), \
                 last_seen_at = VALUES(last_seen_at), total = total + 1, unsent = unsent + 1",
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
}

fn group(row: &MySqlRow) -> Result<AlertGroup, sqlx::Error> {
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

fn filed(row: &MySqlRow) -> Result<FiledLetter, sqlx::Error> {
    let mut columns = Columns::new(row);
    let letter = DeadLetter {
        id: MessageId::new(columns.take::<String>()?),
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        stage: columns.optional_name()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        headers: columns.json()?,
        body: columns.take::<Vec<u8>>()?.into(),
    };
    Ok(FiledLetter { letter, fingerprint: columns.take()?, filed_at: columns.instant()? })
}

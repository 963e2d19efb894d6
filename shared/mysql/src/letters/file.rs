//! Filing a death: the letter, its place among the deaths of the letter, the count of its group.

use chrono::{DateTime, Utc};
use domain::{DeadLetter, StageName};
use ports::StoreError;
use sqlx::mysql::MySqlConnection;

use crate::database::Work;
use crate::error::is_duplicate;
use crate::store::columns::{Columns, datetime};
use crate::store::{MysqlStore, one};
use tables::Row as _;

/// No server takes packets that are shorter than this.
const SHORT: usize = 1 << 20;

impl MysqlStore {
    /// A server cuts the connection in the middle of a packet that is too long, which looks like an outage:
    /// waiting would never end.
    pub(super) async fn check_length(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let headers: usize = letter.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        // JSON writes a byte with up to six.
        let length = letter.body.len() + 6 * headers + letter.code.len() + letter.reason.len() + 4096;
        if length <= SHORT {
            return Ok(());
        }
        let sql = "SELECT CAST(@@max_allowed_packet AS UNSIGNED)";
        let rows = self.database.read(sqlx::query(sql)).await?;
        let limit =
            one(rows.iter().map(|row| Columns::new(row).take::<u64>())).map_err(|error| self.blame(error))?;
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

/// A death to file.
pub(super) struct File<'a> {
    pub(super) letter: &'a DeadLetter,
    pub(super) fingerprint: &'a str,
    pub(super) now: DateTime<Utc>,
}

impl Work for File<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        // Two that file a new letter both find none; then one of them waits for the other, and finds it.
        let is_new = !self.lock(connection).await? && self.insert(connection).await?;
        let number = if is_new {
            1
        } else {
            let Some(number) = self.next_death(connection).await? else { return Ok(false) };
            self.update(connection).await?;
            number
        };
        self.count(connection, number).await?;
        Ok(true)
    }
}

impl File<'_> {
    /// Whether the letter is there; if so, nobody else files a death of it until the end of the transaction.
    async fn lock(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let sql = "SELECT 1 FROM dead_letters WHERE id = ? FOR UPDATE";
        let found = sqlx::query(sql).bind(self.letter.id.as_str()).fetch_optional(connection).await?;
        Ok(found.is_some())
    }

    /// Inserts the letter, unless somebody else just did.
    async fn insert(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let Self { letter, fingerprint, now } = self;
        let inserted = sqlx::query(
            "INSERT INTO dead_letters (id, class, code, reason, stage, attempt, first_seen_at, headers, body, \
                 fingerprint, filed_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(letter.id.as_str())
        .bind(letter.class.as_str())
        .bind(letter.code.as_str())
        .bind(letter.reason.as_str())
        .bind(letter.stage.map(StageName::as_str))
        .bind(letter.attempt)
        .bind(datetime(letter.first_seen_at))
        .bind(serde_json::json!(letter.headers).to_string())
        .bind(&letter.body[..])
        .bind(fingerprint)
        .bind(datetime(*now))
        .execute(&mut *connection)
        .await;
        match inserted {
            Err(error) if is_duplicate(&error) => {
                self.lock(connection).await?;
                Ok(false)
            }
            inserted => inserted.map(|_| true),
        }
    }

    /// The number of this death of a letter that is there and locked; `None` when it was filed before.
    async fn next_death(&self, connection: &mut MySqlConnection) -> Result<Option<u64>, sqlx::Error> {
        let letter = self.letter;
        // A program of the version before, which may run beside this one, files letters without their deaths.
        sqlx::query(
            "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, stage, attempt, \
                 first_seen_at, filed_at) \
             SELECT id, 1, '', fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at \
             FROM dead_letters WHERE id = ? AND NOT EXISTS (SELECT 1 FROM letter_deaths WHERE letter_id = ?)",
        )
        .bind(letter.id.as_str())
        .bind(letter.id.as_str())
        .execute(&mut *connection)
        .await?;
        let sql = "SELECT MAX(number), MAX(life = ? AND class = ? AND code = ?) FROM letter_deaths WHERE letter_id = ?";
        let row = sqlx::query(sql)
            .bind(letter.life().as_str())
            .bind(letter.class.as_str())
            .bind(letter.code.as_str())
            .bind(letter.id.as_str())
            .fetch_one(connection)
            .await?;
        let mut columns = Columns::new(&row);
        let (deaths, is_known) = (
            columns.take::<Option<u64>>()?.unwrap_or_default(),
            columns.take::<Option<bool>>()?.unwrap_or_default(),
        );
        Ok((!is_known).then_some(deaths + 1))
    }

    /// Makes the letter what its newest death says.
    async fn update(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let Self { letter, fingerprint, now } = self;
        sqlx::query(
            "UPDATE dead_letters SET class = ?, code = ?, reason = ?, stage = ?, attempt = ?, first_seen_at = ?, \
                 headers = ?, body = ?, fingerprint = ?, filed_at = ? \
             WHERE id = ?",
        )
        .bind(letter.class.as_str())
        .bind(letter.code.as_str())
        .bind(letter.reason.as_str())
        .bind(letter.stage.map(StageName::as_str))
        .bind(letter.attempt)
        .bind(datetime(letter.first_seen_at))
        .bind(serde_json::json!(letter.headers).to_string())
        .bind(&letter.body[..])
        .bind(fingerprint)
        .bind(datetime(*now))
        .bind(letter.id.as_str())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes down the death, and counts it in its group.
    async fn count(&self, connection: &mut MySqlConnection, number: u64) -> Result<(), sqlx::Error> {
        let Self { letter, fingerprint, now } = self;
        let stage = letter.stage.map(StageName::as_str);
        let (first_seen_at, now) = (datetime(letter.first_seen_at), datetime(*now));
        sqlx::query(
            "INSERT INTO letter_deaths (letter_id, number, life, fingerprint, class, code, reason, stage, attempt, \
                 first_seen_at, filed_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(letter.id.as_str())
        .bind(number)
        .bind(letter.life().as_str())
        .bind(fingerprint)
        .bind(letter.class.as_str())
        .bind(letter.code.as_str())
        .bind(letter.reason.as_str())
        .bind(stage)
        .bind(letter.attempt)
        .bind(first_seen_at)
        .bind(now)
        .execute(&mut *connection)
        .await?;
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
        Ok(())
    }
}

//! The dead-letter desk.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{DeadLetter, MessageId};
use ports::{AlertGroup, Death, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::database::Work;
use crate::store::MysqlStore;
use crate::store::columns::Columns;
use file::File;

#[async_trait]
impl Letters for MysqlStore {
    /// A letter that is longer than the server's `max_allowed_packet` is a misconfiguration that says so.
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        self.check_length(letter).await?;
        Ok(self.database.write(&File { letter, fingerprint, now: self.now() }).await?)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let query = match state {
            Some(state) => sqlx::query(
                "SELECT fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, unsent, \
                     mailed_at, mailed_total \
                 FROM alert_groups WHERE state = ? ORDER BY last_seen_at DESC, fingerprint",
            )
            .bind(state.as_str()),
            None => sqlx::query(
                "SELECT fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, unsent, \
                     mailed_at, mailed_total \
                 FROM alert_groups ORDER BY last_seen_at DESC, fingerprint",
            ),
        };
        let rows = self.database.read(query).await?;
        rows.iter().map(group).collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // A body lies on pages of its own, and its length in the row.
        let query = match fingerprint {
            Some(fingerprint) => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, OCTET_LENGTH(body), \
                     fingerprint, filed_at, \
                     (SELECT COUNT(*) FROM letter_deaths WHERE letter_id = dead_letters.id) \
                 FROM dead_letters WHERE fingerprint = ? ORDER BY filed_at DESC, id DESC LIMIT ?",
            )
            .bind(fingerprint),
            None => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, OCTET_LENGTH(body), \
                     fingerprint, filed_at, \
                     (SELECT COUNT(*) FROM letter_deaths WHERE letter_id = dead_letters.id) \
                 FROM dead_letters ORDER BY filed_at DESC, id DESC LIMIT ?",
            ),
        };
        let rows = self.database.read(query.bind(limit)).await?;
        rows.iter().map(summary).collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        Ok(self.database.snapshot(&Read { id }).await?)
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let places = vec!["?"; ids.len()].join(", ");
        let sql = format!("SELECT id FROM dead_letters WHERE id IN ({places})");
        let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(*id));
        let rows = self.database.read(query).await?;
        let found = rows.iter().map(|row| Columns::new(row).take());
        found.collect::<Result<_, _>>().map_err(|error| self.blame(error))
    }
}

/// A letter with its deaths.
struct Read<'a> {
    id: &'a str,
}

impl Work for Read<'_> {
    type Output = Option<FiledLetter>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<FiledLetter>, sqlx::Error> {
        let sql = "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                   FROM dead_letters WHERE id = ?";
        let Some(row) = sqlx::query(sql).bind(self.id).fetch_optional(&mut *connection).await? else {
            return Ok(None);
        };
        let sql = "SELECT life, stage, class, code, reason, attempt, first_seen_at, filed_at, fingerprint \
                   FROM letter_deaths WHERE letter_id = ? ORDER BY number";
        let deaths = sqlx::query(sql).bind(self.id).fetch_all(connection).await?;
        filed(&row, deaths.iter().map(death).collect::<Result<_, _>>()?).map(Some)
    }
}

pub(crate) fn group(row: &MySqlRow) -> Result<AlertGroup, sqlx::Error> {
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

fn filed(row: &MySqlRow, deaths: Vec<Death>) -> Result<FiledLetter, sqlx::Error> {
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
    Ok(FiledLetter::new(letter, columns.take()?, columns.instant()?, deaths))
}

fn death(row: &MySqlRow) -> Result<Death, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(Death {
        life: columns.take()?,
        stage: columns.optional_name()?,
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        filed_at: columns.instant()?,
        fingerprint: columns.take()?,
    })
}

fn summary(row: &MySqlRow) -> Result<LetterSummary, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(LetterSummary {
        id: MessageId::new(columns.take::<String>()?),
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        stage: columns.optional_name()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        headers: columns.json()?,
        body_bytes: columns.count()?,
        fingerprint: columns.take()?,
        filed_at: columns.instant()?,
        deaths: columns.count()?.max(1),
    })
}

//! The dead-letter desk in SQLite.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{DeadLetter, Headers, MessageId};
use ports::{AlertGroup, Death, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::store::SqliteStore;
use crate::store::columns::Columns;

#[async_trait]
impl Letters for SqliteStore {
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let filed = file::file(&mut transaction, letter, fingerprint, self.now()).await;
        let filed = filed.map_err(|error| self.blame(error))?;
        transaction.commit().await.map_err(|error| self.blame(error))?;
        Ok(filed)
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
        let rows = query.fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(group).collect()).map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // SQLite finds the length of a body without reading it.
        let query = match fingerprint {
            Some(fingerprint) => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, length(body), fingerprint, \
                     filed_at, (SELECT count(*) FROM letter_deaths WHERE letter_id = dead_letters.id) \
                 FROM dead_letters WHERE fingerprint = ? ORDER BY filed_at DESC, id DESC LIMIT ?",
            )
            .bind(fingerprint),
            None => sqlx::query(
                "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, length(body), fingerprint, \
                     filed_at, (SELECT count(*) FROM letter_deaths WHERE letter_id = dead_letters.id) \
                 FROM dead_letters ORDER BY filed_at DESC, id DESC LIMIT ?",
            ),
        };
        let rows = query.bind(limit).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| rows.iter().map(summary).collect()).map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        let blame = |error| self.blame(error);
        // One moment for both reads.
        let mut reader = self.database.readers().begin().await.map_err(blame)?;
        let sql = "SELECT id, class, code, reason, stage, attempt, first_seen_at, headers, body, fingerprint, filed_at \
                   FROM dead_letters WHERE id = ?";
        let Some(row) = sqlx::query(sql).bind(id).fetch_optional(&mut *reader).await.map_err(blame)? else {
            return Ok(None);
        };
        let sql = "SELECT life, stage, class, code, reason, attempt, first_seen_at, filed_at, fingerprint \
                   FROM letter_deaths WHERE letter_id = ? ORDER BY number";
        let rows = sqlx::query(sql).bind(id).fetch_all(&mut *reader).await.map_err(blame)?;
        let deaths = rows.iter().map(death).collect::<Result<_, _>>().map_err(blame)?;
        filed(&row, deaths).map(Some).map_err(blame)
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT id FROM dead_letters WHERE id IN (SELECT value FROM json_each(?))";
        let ids = serde_json::json!(ids).to_string();
        let found = sqlx::query_scalar(sql).bind(ids).fetch_all(self.database.readers()).await;
        found.map(BTreeSet::from_iter).map_err(|error| self.blame(error))
    }
}

pub(crate) fn group(row: &SqliteRow) -> Result<AlertGroup, sqlx::Error> {
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

fn filed(row: &SqliteRow, deaths: Vec<Death>) -> Result<FiledLetter, sqlx::Error> {
    let mut columns = Columns::new(row);
    let letter = DeadLetter {
        id: MessageId::new(columns.take::<String>()?),
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        stage: columns.optional_name()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        headers: headers(&mut columns)?,
        body: columns.take::<Vec<u8>>()?.into(),
    };
    Ok(FiledLetter::new(letter, columns.take()?, columns.instant()?, deaths))
}

fn death(row: &SqliteRow) -> Result<Death, sqlx::Error> {
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

fn summary(row: &SqliteRow) -> Result<LetterSummary, sqlx::Error> {
    let mut columns = Columns::new(row);
    Ok(LetterSummary {
        id: MessageId::new(columns.take::<String>()?),
        class: columns.name()?,
        code: columns.take()?,
        reason: columns.take()?,
        stage: columns.optional_name()?,
        attempt: columns.take()?,
        first_seen_at: columns.instant()?,
        headers: headers(&mut columns)?,
        body_bytes: columns.count()?,
        fingerprint: columns.take()?,
        filed_at: columns.instant()?,
        deaths: columns.count()?.max(1),
    })
}

fn headers(columns: &mut Columns<'_>) -> Result<Headers, sqlx::Error> {
    let json: &str = columns.take()?;
    columns.checked(serde_json::from_str(json))
}

//! The dead-letter desk.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::DeadLetter;
use ports::{AlertGroup, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::{Row as _, letters};

use crate::database::Work;
use crate::store::MysqlStore;
use crate::store::columns::Columns;
use file::File;

#[async_trait]
impl Letters for MysqlStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    /// A letter that is longer than the server's `max_allowed_packet` is a misconfiguration that says so.
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        self.check_length(letter).await?;
        Ok(self.database.write(&File { letter, fingerprint, now: self.now() }).await?)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(letters::groups(state.is_some())));
        let query = match state {
            Some(state) => query.bind(state.as_str()),
            None => query,
        };
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(Columns::new)
            .map(letters::group)
            .collect::<Result<_, _>>()
            .map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // A body lies on pages of its own, and its length in the row.
        let sql = letters::summaries("OCTET_LENGTH(body)", fingerprint.is_some());
        let query = sqlx::query(AssertSqlSafe(sql));
        let query = match fingerprint {
            Some(fingerprint) => query.bind(fingerprint),
            None => query,
        };
        let rows = self.database.read(query.bind(limit)).await?;
        rows.iter()
            .map(Columns::new)
            .map(letters::summary)
            .collect::<Result<_, _>>()
            .map_err(|error| self.blame(error))
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
        let Some(row) = sqlx::query(letters::LETTER).bind(self.id).fetch_optional(&mut *connection).await?
        else {
            return Ok(None);
        };
        let deaths = sqlx::query(letters::DEATHS).bind(self.id).fetch_all(connection).await?;
        let deaths = deaths.iter().map(Columns::new).map(letters::death).collect::<Result<_, _>>()?;
        letters::filed(Columns::new(&row), deaths).map(Some)
    }
}

//! The dead-letter desk.

mod file;

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::DeadLetter;
use ports::{AlertGroup, FiledCounts, FiledLetter, GroupState, LetterSummary, Letters, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::letters::{
    COUNT_FILED, death, deaths_of, filed_counts, group, groups, letter, summaries, summary, whole_letter,
};
use tables::write::letters::{Filing, RESOLVE_GROUP, Resolving};

use super::MysqlStore;
use super::columns::{read, read_all, read_one};
use super::parameters::{datetime, query};
use crate::database::Work;
use file::File;

#[async_trait]
impl Letters for MysqlStore {
    async fn ready_to_file(&self) -> Result<(), StoreError> {
        Ok(self.database.ready().await?)
    }

    /// A letter that is longer than the server's `max_allowed_packet` is a misconfiguration that says so.
    async fn file(&self, letter: &DeadLetter, fingerprint: &str) -> Result<bool, StoreError> {
        self.check_length(letter).await?;
        let filing = Filing { letter, fingerprint, now: self.now() };
        Ok(self.database.write(&File(filing)).await?)
    }

    async fn resolve(&self, fingerprint: &str, total: u64, resolution: &str) -> Result<bool, StoreError> {
        let resolving = Resolving { fingerprint, total, resolution, now: self.now() };
        Ok(self.database.write(&Resolve(resolving)).await?)
    }

    async fn groups(&self, state: Option<GroupState>) -> Result<Vec<AlertGroup>, StoreError> {
        let query = query(AssertSqlSafe(groups(state.is_some())), state.map(|state| state.as_str().into()));
        let rows = self.database.read(query).await?;
        read_all(&rows, group).map_err(|error| self.blame(error))
    }

    async fn letters(&self, fingerprint: Option<&str>, limit: u32) -> Result<Vec<LetterSummary>, StoreError> {
        // A body lies on pages of its own, and its length in the row.
        let sql = summaries("octet_length(body)", fingerprint.is_some());
        let query = query(AssertSqlSafe(sql), fingerprint.map(Into::into)).bind(limit);
        let rows = self.database.read(query).await?;
        read_all(&rows, summary).map_err(|error| self.blame(error))
    }

    async fn letter(&self, id: &str) -> Result<Option<FiledLetter>, StoreError> {
        Ok(self.database.snapshot(&Read { id }).await?)
    }

    async fn count_filed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<FiledCounts, StoreError> {
        let query = sqlx::query(COUNT_FILED).bind(datetime(from)).bind(datetime(to));
        let rows = self.database.read(query).await?;
        read_one(&rows, filed_counts).map_err(|error| self.blame(error))
    }

    async fn filed(&self, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let places = vec!["?"; ids.len()].join(", ");
        let sql = format!("SELECT id FROM dead_letters WHERE id IN ({places})");
        let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(*id));
        let rows = self.database.read(query).await?;
        read_all(&rows, |row| row.get("id")).map_err(|error| self.blame(error))
    }
}

/// A group to resolve.
struct Resolve<'a>(Resolving<'a>);

impl Work for Resolve<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let update = query(RESOLVE_GROUP, self.0.group());
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }
}

/// A letter with its deaths.
struct Read<'a> {
    id: &'a str,
}

impl Work for Read<'_> {
    type Output = Option<FiledLetter>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<FiledLetter>, sqlx::Error> {
        let letters = sqlx::query(AssertSqlSafe(whole_letter())).bind(self.id);
        let Some(row) = letters.fetch_optional(&mut *connection).await? else { return Ok(None) };
        let deaths = read_all(
            &sqlx::query(AssertSqlSafe(deaths_of())).bind(self.id).fetch_all(connection).await?,
            death,
        )?;
        read(&row, |row| letter(row, deaths)).map(Some)
    }
}

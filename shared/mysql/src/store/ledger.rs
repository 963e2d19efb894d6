//! The ledger of batches.

mod record;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::BatchId;
use ports::store::{BatchKey, Course, Paid};
use ports::{BatchRecord, Ledger, StoreError};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::ledger as read;

use super::MysqlStore;
use super::columns::{columns, read_all, undecodable};
use super::parameters::{Query, datetime, query};
use crate::database::Work;
pub(super) use record::{Announcement, record_chunk};

#[async_trait]
impl Ledger for MysqlStore {
    async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        Ok(self.database.snapshot(&Which::Newest(limit)).await?)
    }

    async fn batches_before(&self, key: BatchKey<'_>, limit: u32) -> Result<Vec<BatchRecord>, StoreError> {
        Ok(self.database.snapshot(&Which::Before(key, limit)).await?)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        Ok(self.database.snapshot(&Which::Among(std::slice::from_ref(id))).await?.pop())
    }

    async fn batches_of(&self, ids: &[BatchId]) -> Result<Vec<BatchRecord>, StoreError> {
        if ids.is_empty() { Ok(Vec::new()) } else { Ok(self.database.snapshot(&Which::Among(ids)).await?) }
    }

    async fn paid_since(&self, since: DateTime<Utc>) -> Result<Vec<Paid>, StoreError> {
        let rows = self.database.read(query(read::PAID_SINCE, [since.into()])).await?;
        read_all(&rows, read::paid).map_err(|error| self.blame(error))
    }

    async fn courses(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Course>, StoreError> {
        let rows = self.database.read(query(read::COURSES, [from.into(), to.into(), limit.into()])).await?;
        read_all(&rows, read::course).map_err(|error| self.blame(error))
    }
}

/// Batches that are asked for.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Newest(u32),
    Before(BatchKey<'a>, u32),
    /// One at least.
    Among(&'a [BatchId]),
}

impl<'a> Which<'a> {
    /// As [`read::statements`] makes them.
    pub(super) fn statements(self) -> [String; 3] {
        let from = match self {
            Self::Newest(_) => "FROM batches ORDER BY slot DESC, id DESC LIMIT ?".to_owned(),
            Self::Before(..) => read::BEFORE.to_owned(),
            Self::Among(ids) => {
                // Few shapes, for prepared statements are kept: ids are repeated to fill them.
                let places = vec!["?"; ids.len().next_power_of_two()].join(", ");
                format!("FROM batches WHERE id IN ({places}) ORDER BY slot DESC, id DESC")
            }
        };
        read::statements(&from, "STRAIGHT_JOIN")
    }

    fn query(self, sql: String) -> Query<'a> {
        let query = sqlx::query(AssertSqlSafe(sql));
        match self {
            Self::Newest(limit) => query.bind(limit),
            Self::Before((slot, id), limit) => {
                let slot = datetime(slot.starts_at());
                query.bind(slot).bind(slot).bind(id.as_str()).bind(limit)
            }
            Self::Among(ids) => {
                let filled = ids.iter().chain(ids.iter().cycle()).take(ids.len().next_power_of_two());
                filled.fold(query, |query, id| query.bind(id.as_str()))
            }
        }
    }
}

impl Work for Which<'_> {
    type Output = Vec<BatchRecord>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Vec<BatchRecord>, sqlx::Error> {
        let [batches, chunks, replays] = self.statements();
        let batches = self.query(batches).fetch_all(&mut *connection).await?;
        let chunks = self.query(chunks).fetch_all(&mut *connection).await?;
        let replays = self.query(replays).fetch_all(connection).await?;
        read::records(columns(&batches), columns(&chunks), columns(&replays)).map_err(undecodable)
    }
}

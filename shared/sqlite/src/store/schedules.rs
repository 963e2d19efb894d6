//! Schedules in SQLite, and what they are compared with.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Schedule;
use ports::StoreError;
use ports::store::{FetchedSlot, Schedules};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::read::schedules::{FETCHED_SLOTS, IN_FORCE_FROM, fetched_slot, in_force_from, schedule};
use tables::write::schedules as write;

use super::SqliteStore;
use super::columns::read_all;
use super::data_kind;
use super::parameters::query;
use crate::database::Work;
use crate::error::Error;

/// A schedule, to be written; `None` when the store holds the other kind of data.
pub(super) struct Announced<'a>(pub(super) &'a Schedule);

#[async_trait]
impl Work for Announced<'_> {
    type Output = Option<()>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<()>, Error> {
        let Self(schedule) = self;
        if !data_kind::allows(connection, schedule.simulated).await? {
            return Ok(None);
        }
        let greatest = write::GREATEST.map(|column| format!("{column} = max({column}, excluded.{column})"));
        let sql = format!("{} ON CONFLICT DO UPDATE SET {}", *write::INSERT_SCHEDULE, greatest.join(", "));
        query(AssertSqlSafe(sql), write::schedule(schedule)).execute(connection).await?;
        Ok(Some(()))
    }
}

#[async_trait]
impl Schedules for SqliteStore {
    async fn schedules(&self, series: &str, from: DateTime<Utc>) -> Result<Vec<Schedule>, StoreError> {
        let rows = query(IN_FORCE_FROM, in_force_from(series, from)).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, schedule)).map_err(|error| self.blame(error))
    }

    async fn fetched_slots(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<FetchedSlot>, StoreError> {
        let rows = query(FETCHED_SLOTS, [from.into(), to.into()]).fetch_all(self.database.readers()).await;
        rows.and_then(|rows| read_all(&rows, fetched_slot)).map_err(|error| self.blame(error))
    }
}

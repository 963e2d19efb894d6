//! Schedules, and what they are compared with.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::Schedule;
use ports::StoreError;
use ports::store::{FetchedSlot, Schedules};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::schedules::{FETCHED_SLOTS, IN_FORCE_FROM, fetched_slot, in_force_from, schedule};
use tables::write::schedules as write;

use super::MysqlStore;
use super::columns::read_all;
use super::data_kind;
use super::parameters::query;
use crate::database::Work;

/// Writes a schedule; `None` when the store holds the other kind of data.
pub(super) struct Announced<'a>(pub(super) &'a Schedule);

impl Work for Announced<'_> {
    type Output = Option<()>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<()>, sqlx::Error> {
        let Self(schedule) = self;
        if !data_kind::allows(connection, schedule.simulated).await? {
            return Ok(None);
        }
        let greatest =
            write::GREATEST.map(|column| format!("{column} = GREATEST({column}, VALUES({column}))"));
        let sql = format!("{} ON DUPLICATE KEY UPDATE {}", *write::INSERT_SCHEDULE, greatest.join(", "));
        query(AssertSqlSafe(sql), write::schedule(schedule)).execute(connection).await?;
        Ok(Some(()))
    }

    fn has_written(&self, written: &Option<()>) -> bool {
        written.is_some()
    }
}

#[async_trait]
impl Schedules for MysqlStore {
    async fn fetched_slots(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<FetchedSlot>, StoreError> {
        let rows = self.database.read(query(FETCHED_SLOTS, [from.into(), to.into()])).await?;
        read_all(&rows, fetched_slot).map_err(|error| self.blame(error))
    }

    async fn schedules(&self, series: &str, from: DateTime<Utc>) -> Result<Vec<Schedule>, StoreError> {
        let rows = self.database.read(query(IN_FORCE_FROM, in_force_from(series, from))).await?;
        read_all(&rows, schedule).map_err(|error| self.blame(error))
    }
}

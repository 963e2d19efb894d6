//! Writing schedules.

use std::sync::LazyLock;

use domain::Schedule;

use super::{Parameter, insert};
use crate::columns::SCHEDULES;

/// Inserts a schedule: [`schedule`].
pub static INSERT_SCHEDULE: LazyLock<String> = LazyLock::new(|| insert("schedules", &SCHEDULES));

/// The columns of which the greatest value stays when a schedule comes again; its id says the rest.
pub const GREATEST: [&str; 2] = ["coins", "confirmed_at"];

/// For [`INSERT_SCHEDULE`].
pub fn schedule(schedule: &Schedule) -> [Parameter<'_>; SCHEDULES.len()] {
    [
        schedule.id().into(),
        schedule.series.as_str().into(),
        schedule.endpoint.as_str().into(),
        schedule.convert.join(",").into(),
        schedule.every.as_secs().into(),
        schedule.coins.into(),
        schedule.since.into(),
        schedule.simulated.into(),
        schedule.confirmed_at.into(),
    ]
}

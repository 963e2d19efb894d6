//! Reading schedules, and the slots that were fetched.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{BatchId, Schedule, Slot};
use ports::store::FetchedSlot;

use crate::row::{Row, Unreadable};
use crate::write::Parameter;

/// The schedules of a series that were in force at an instant or came later, for [`schedule`]; binds [`in_force_from`]. Those
/// of the other kind of data than the store's are of fetchers that were refused.
pub const IN_FORCE_FROM: &str = "SELECT series, endpoint, currencies, every_seconds, coins, since, simulated, confirmed_at \
    FROM schedules WHERE series = ? AND since >= COALESCE(( \
        SELECT MAX(b.since) FROM schedules AS b WHERE b.series = ? AND b.since <= ? \
        AND b.simulated = COALESCE((SELECT o.simulated FROM data_origin AS o WHERE o.id = 1), b.simulated)), ?) \
    AND simulated = COALESCE((SELECT o.simulated FROM data_origin AS o WHERE o.id = 1), schedules.simulated) \
    ORDER BY since, id";

/// The values of [`IN_FORCE_FROM`].
pub fn in_force_from(series: &str, from: DateTime<Utc>) -> [Parameter<'_>; 4] {
    [series.into(), series.into(), from.into(), from.into()]
}

/// The slots of a span for which there is a batch that was not dropped, for [`fetched_slot`]; binds where the span begins, and where it
/// ends.
pub const FETCHED_SLOTS: &str = "SELECT id, slot, endpoint, currencies FROM batches \
    WHERE slot >= ? AND slot < ? AND dropped_at IS NULL ORDER BY slot, id";

/// A row of [`IN_FORCE_FROM`].
pub fn schedule(row: &dyn Row) -> Result<Schedule, Unreadable> {
    Ok(Schedule {
        series: row.get("series")?,
        endpoint: row.get("endpoint")?,
        convert: row.list("currencies")?,
        every: Duration::from_secs(row.get("every_seconds")?),
        coins: row.get("coins")?,
        since: row.get("since")?,
        simulated: row.get("simulated")?,
        confirmed_at: row.get("confirmed_at")?,
    })
}

/// A row of [`FETCHED_SLOTS`].
pub fn fetched_slot(row: &dyn Row) -> Result<FetchedSlot, Unreadable> {
    Ok(FetchedSlot {
        batch: BatchId::from_stored(row.get::<String>("id")?),
        slot: Slot::at(row.get("slot")?),
        endpoint: row.get("endpoint")?,
        convert: row.list("currencies")?,
    })
}

//! A schedule: which snapshots are to be taken from when on, whether or not anybody takes them.

mod due;
mod held;
mod in_force;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

pub use self::due::{DueSlot, LATE_AFTER, LOADED_WITHIN, begun_slots, due_slots, scheduled_slots};
pub use self::held::HeldSlots;
pub use self::in_force::{InForce, in_force};
use crate::batch::{BatchDetails, BatchId};
use crate::message::MessageId;
use crate::slot::Slot;

/// A schedule as its fetcher announces it on the rows queue, again and again, so that what was due can be told from what came.
///
/// It is in force from `since` until another of its series comes into force, also while no fetcher runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Of the schedules of one series, each takes the place of the one before; see [`Schedule::QUOTES`].
    pub series: String,
    /// What its batches fetch: `listings`.
    pub endpoint: String,
    /// The currencies that they ask for.
    pub convert: Vec<String>,
    /// The interval between its slots, in whole seconds; one at least.
    pub every: Duration,
    /// How many coins each asks for.
    pub coins: u32,
    /// When it came into force, to the second. Slots that begin then or later are due.
    pub since: DateTime<Utc>,
    /// Whether a simulator makes its data up.
    pub simulated: bool,
    /// When its fetcher last said that it is in force.
    pub confirmed_at: DateTime<Utc>,
}

impl Schedule {
    /// The series of the schedules that fetch quotes.
    pub const QUOTES: &'static str = "quotes";

    /// Its id: the same whoever announces it, and however often.
    pub fn id(&self) -> String {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let what = BatchId::new(Slot::at(self.since), &self.endpoint, &self.convert);
        let what = what.as_str().strip_prefix(&since).unwrap_or(what.as_str());
        format!("{}/{since}/{}s{what}", self.series, self.every.as_secs())
    }

    /// The id of the message that carries it.
    pub fn message_id(&self) -> MessageId {
        MessageId::new(format!("schedule/{}", self.id()))
    }

    /// Fails with the reason when no table could hold it, no log could show it, or it could not be followed.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let slot = Slot::at(self.since);
        let batch = BatchId::new(slot, &self.endpoint, &self.convert);
        let (endpoint, convert) = (self.endpoint.as_str(), self.convert.as_slice());
        BatchDetails { batch: &batch, slot, endpoint, convert, fetched_at: self.confirmed_at, parts: 1 }
            .check()?;
        let series = &self.series;
        if series.is_empty() || series.chars().count() > 50 || series.chars().any(char::is_control) {
            Err("the series is empty, too long, or has control characters")
        } else if self.since.timestamp_subsec_nanos() != 0 {
            Err("the schedule does not begin at a whole second")
        } else if self.every.is_zero() || self.every > MOST_EVERY {
            Err("the interval of the schedule is not between a second and 100 years")
        } else {
            Ok(())
        }
    }
}

/// No schedule has longer intervals.
const MOST_EVERY: Duration = Duration::from_hours(24 * 36_525);

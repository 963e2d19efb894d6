//! `alert.stale_after`: a word or a duration.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::OFF;

/// What a snapshot may take beside its interval: its offset of up to five minutes, pages that are asked for again, the age that quotes
/// have when they are fetched, and loading.
const SLACK: Duration = Duration::from_mins(15);

/// How old the newest quote may be before somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleAfter {
    /// Two intervals of the schedule and some minutes: one missed slot has a letter of its own, two are stale quotes.
    Auto,
    /// Any age.
    Off,
    /// So old.
    After(Duration),
}

impl StaleAfter {
    /// The age for snapshots that are taken `every` so often; `None` when any is fine.
    pub fn of(self, every: Duration) -> Option<Duration> {
        match self {
            Self::Auto => Some(every.saturating_mul(2).saturating_add(SLACK)),
            Self::Off => None,
            Self::After(age) => Some(age),
        }
    }

    /// How long after the snapshot before it the next whole one may be; `None` when any time is fine. Two intervals: the time
    /// between two snapshots has nothing of what [`of`](Self::of) adds.
    pub fn between_snapshots(self, every: Duration) -> Option<Duration> {
        match self {
            Self::Auto => Some(every.saturating_mul(2)),
            Self::Off | Self::After(_) => self.of(every),
        }
    }
}

impl<'de> Deserialize<'de> for StaleAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "auto" => Ok(Self::Auto),
            OFF => Ok(Self::Off),
            text => humantime::parse_duration(text).map(Self::After).map_err(|_| {
                Error::custom(format!("{text:?} is neither \"auto\", \"off\" nor a duration such as \"2h\""))
            }),
        }
    }
}

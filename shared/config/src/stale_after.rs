//! `alert.stale_after`: a word or a duration.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IntoDeserializer};

use crate::values::duration_or_off;

const AUTO: &str = "auto";

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
        if text.trim() == AUTO {
            return Ok(Self::Auto);
        }
        // As its siblings: what is never is "off", or zero.
        let age = duration_or_off(text.as_str().into_deserializer())
            .map_err(|error: serde::de::value::Error| Error::custom(format!("{error}, nor \"{AUTO}\"")))?;
        Ok(if age.is_zero() { Self::Off } else { Self::After(age) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_its_siblings_are_or_auto() {
        let read = |text: &str| {
            let text = text.into_deserializer();
            StaleAfter::deserialize(text).map_err(|error: serde::de::value::Error| error.to_string())
        };
        for (text, expected) in [
            ("auto", StaleAfter::Auto),
            (" auto ", StaleAfter::Auto),
            ("off", StaleAfter::Off),
            (" off", StaleAfter::Off),
            ("0s", StaleAfter::Off),
            ("3h", StaleAfter::After(Duration::from_hours(3))),
        ] {
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
        let told = read("soon").unwrap_err();
        assert_eq!(
            told,
            "\"soon\" is neither a duration such as \"30s\" or \"1h\" nor \"off\", nor \"auto\""
        );
    }
}

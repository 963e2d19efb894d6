//! `alert.restarts`: how often, and within which time.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::OFF;

/// So many starts in such a time, of which nobody asked for any: `"5 in 15m"`; or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts(Option<(u32, Duration)>);

impl Restarts {
    /// Any number is in order.
    pub const OFF: Self = Self(None);

    /// So many within such a time.
    pub fn of(times: u32, within: Duration) -> Self {
        Self(Some((times, within)))
    }

    /// How many are too many, and within which time; `None` when any number is in order.
    pub fn limit(self) -> Option<(u32, Duration)> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Restarts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == OFF {
            return Ok(Self::OFF);
        }
        let read = || {
            let (times, within) = text.split_once(" in ")?;
            let times = times.trim().parse().ok().filter(|times| *times > 0)?;
            let within = humantime::parse_duration(within.trim()).ok();
            within.filter(|within| !within.is_zero()).map(|within| Self::of(times, within))
        };
        let wrong = || {
            Error::custom(format!(
                "{text:?} is neither a number in a time, such as \"5 in 15m\", nor \"off\""
            ))
        };
        read().ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;

    use super::*;

    #[test]
    fn it_is_a_number_in_a_time_or_off() {
        let read = |text: &str| {
            let text = text.into_deserializer();
            Restarts::deserialize(text).map_err(|error: serde::de::value::Error| error.to_string())
        };
        assert_eq!(read("5 in 15m"), Ok(Restarts::of(5, Duration::from_mins(15))));
        assert_eq!(read(" 3 in 1h 30m "), Ok(Restarts::of(3, Duration::from_mins(90))));
        assert_eq!(read(" off"), Ok(Restarts::OFF));
        for text in ["", "5", "5 in", "0 in 1h", "-1 in 1h", "5 in 0s", "5 in soon"] {
            let told = read(text).unwrap_err();
            let meant = format!("{text:?} is neither a number in a time, such as \"5 in 15m\", nor \"off\"");
            assert_eq!(told, meant);
        }
    }
}

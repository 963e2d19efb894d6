//! `[market]`: what is fetched beside the listings, and how often.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::{OFF, duration_of};

/// `[market]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// The map of all coins.
    pub map: Every,
    /// Numbers of the whole market.
    pub global_metrics: Every,
    /// The fear and greed index.
    pub fear_and_greed: Every,
    /// The index of the hundred largest coins.
    pub cmc100: Every,
}

/// How often something is fetched: a duration, or `"off"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Every(Option<Duration>);

impl Every {
    /// Each `duration`, of whole seconds.
    pub const fn duration(duration: Duration) -> Self {
        Self(Some(duration))
    }

    /// The interval; `None` when it is not fetched.
    pub const fn interval(self) -> Option<Duration> {
        self.0
    }

    /// Why it cannot be so often, when the API has something new no sooner than each `least`.
    pub(crate) fn check(self, least: Duration) -> Result<(), String> {
        match self.0 {
            Some(every) if every < least => Err(format!(
                "must be \"off\" or at least {}: the API has nothing new sooner",
                humantime::format_duration(least)
            )),
            Some(every) if every.subsec_nanos() != 0 => Err("must be whole seconds".to_owned()),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == OFF {
            return Ok(Self(None));
        }
        let wrong = |_| Error::custom(format!("{text:?} is neither \"off\" nor a duration such as \"1h\""));
        duration_of(&text).map(|every| Self(Some(every))).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Every, String> {
        #[derive(Deserialize)]
        struct Of {
            every: Every,
        }
        let read: Result<Of, _> = toml::from_str(&format!("every = {text:?}"));
        read.map(|of| of.every).map_err(|error| error.to_string())
    }

    #[test]
    fn an_interval_is_a_duration_or_off_and_not_shorter_than_what_is_new() {
        let five = Duration::from_mins(5);
        assert_eq!(read("off").unwrap().interval(), None);
        assert_eq!(read("1h").unwrap().interval(), Some(Duration::from_hours(1)));
        assert!(read("often").unwrap_err().contains("is neither \"off\" nor a duration such as \"1h\""));
        assert_eq!(read("off").unwrap().check(five), Ok(()));
        assert_eq!(read("5m").unwrap().check(five), Ok(()));
        assert!(read("4m").unwrap().check(five).unwrap_err().contains("at least 5m"));
        assert!(read("6m 1ms").unwrap().check(five).unwrap_err().contains("whole seconds"));
    }
}

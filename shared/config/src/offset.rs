//! `fetch.offset`: a word or a duration.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::OFF;

/// How long after the beginning of a slot it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// A little, steady for an installation, so that not all ask at once.
    Spread,
    /// So long.
    After(Duration),
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "spread" {
            return Ok(Self::Spread);
        }
        if text == OFF {
            return Ok(Self::After(Duration::ZERO));
        }
        let wrong = |_| {
            Error::custom(format!(
                "{text:?} is neither \"spread\" nor \"off\" nor a duration such as \"30s\""
            ))
        };
        humantime::parse_duration(&text).map(Self::After).map_err(wrong)
    }
}

//! `[judge]`: when a snapshot is not what it claims to be.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::{OFF, duration, duration_or_off};

/// `[judge]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// How often a page with too few coins, or with those of another page, is asked for in all; at least 1.
    pub tries: u32,
    /// Time between these tries.
    #[serde(deserialize_with = "duration")]
    pub wait: Duration,
    /// Coins that may be missing of those that are due.
    pub missing: Limit,
    /// Coins of a page that may be on another page of the snapshot.
    pub repeated: Limit,
    /// Ranks that may be missing of the best hundred.
    pub top_missing: Limit,
    /// Coins that may be missing of those in the snapshot before.
    pub fewer: Limit,
    /// Age of the newest quote; zero: any.
    #[serde(deserialize_with = "duration_or_off")]
    pub quote_age: Duration,
    /// Quotes that may be no newer than in the snapshot before.
    pub still: Limit,
    /// Difference between the API's clock and this machine's; zero: any.
    #[serde(deserialize_with = "duration_or_off")]
    pub clock: Duration,
    /// Coins that may have lost a number that they had in the snapshot before.
    pub nulls: Limit,
    /// How many times as high or as low a price is that counts as a jump; at least 2.
    pub jump: u32,
    /// Prices that may have jumped since the snapshot before.
    pub jumped: Limit,
}

/// The most that is in order, as a share: `"10%"`; or `"off"`, when anything is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit(Option<f64>);

// Never not a number.
impl Eq for Limit {}

impl Limit {
    /// Anything is in order.
    pub const OFF: Self = Self(None);

    /// So many of a hundred.
    pub fn percent(percent: f64) -> Self {
        Self(Some(percent / 100.0))
    }

    /// Whether anything is in order.
    pub fn is_off(self) -> bool {
        self.0.is_none()
    }

    /// Whether `part` of `whole` is more than what is in order.
    pub fn is_exceeded(self, part: usize, whole: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "numbers of coins")]
        let (part, whole) = (part as f64, whole as f64);
        self.0.is_some_and(|most| part > most * whole)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == OFF {
            return Ok(Self(None));
        }
        let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        let wrong = || Error::custom(format!("{text:?} is neither a share such as \"10%\" nor \"off\""));
        percent.map(Self::percent).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Limit, String> {
        #[derive(Deserialize)]
        struct Of {
            limit: Limit,
        }
        let read: Result<Of, _> = toml::from_str(&format!("limit = {text:?}"));
        read.map(|of| of.limit).map_err(|error| error.to_string())
    }

    #[test]
    fn a_share_is_in_order_up_to_its_limit() {
        let limit = read("12.5 %").unwrap();
        assert_eq!((limit.is_exceeded(1, 8), limit.is_exceeded(2, 8)), (false, true));
        assert!(read("0%").unwrap().is_exceeded(1, 10_000) && !read("0%").unwrap().is_exceeded(0, 0));
        assert!(!read("off").unwrap().is_exceeded(8, 8));
    }

    #[test]
    fn what_is_no_share_is_said() {
        for text in ["", "0.1", "101%", "-1%", "NaN%", "many"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("is neither a share such as \"10%\" nor \"off\""), "{text}: {error}");
        }
    }
}

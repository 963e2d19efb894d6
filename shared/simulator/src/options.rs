//! What a simulator should be like.

use std::fmt;

use crate::fault::PlannedFault;
use crate::recording::Recording;

/// What a simulator should be like. The default has 10,000 coins, takes any key and has generous limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// Coins in the generated market: the well-known ones first, then made-up ones. At most 100,000.
    pub coins: u32,
    /// Which coins the market has and how they move. Two simulators with one seed agree about every price.
    pub seed: u64,
    /// Who may call.
    pub keys: KeyPolicy,
    /// Calls in one UTC minute; the next one is refused with 1008.
    pub rate_limit_minute: u32,
    /// Calls without a key in one UTC minute, below `/public-api`; later ones are refused, by turns with 429 and 1022 and with
    /// 500.
    pub anonymous_minute: u32,
    /// Credits in one UTC calendar month; a call that would exceed them is refused with 1010.
    pub credits_monthly: u64,
    /// Credits in one UTC day, if the plan has such a limit; refused with 1009.
    pub credits_daily: Option<u64>,
    /// How many days back the plan has quotes of each hour; asked for older ones, it refuses with 1006.
    pub history_hours: u32,
    /// How many days back the plan has quotes and listings of each day.
    pub history_days: u32,
    /// Currencies that the plan has in one request; more are refused with 400.
    pub converts: usize,
    /// What goes wrong from the start.
    pub faults: Vec<PlannedFault>,
    /// Recorded responses to serve instead of the generated market, oldest first.
    pub recordings: Vec<Recording>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            coins: 10_000,
            seed: 2_026,
            keys: KeyPolicy::Any,
            rate_limit_minute: 120,
            anonymous_minute: 30,
            credits_monthly: 2_000_000,
            credits_daily: None,
            history_hours: 30,
            history_days: 365,
            converts: 120,
            faults: Vec::new(),
            recordings: Vec::new(),
        }
    }
}

/// Who may call. All keys share one plan.
#[derive(Clone, Eq, PartialEq)]
pub enum KeyPolicy {
    /// Any key that is not empty.
    Any,
    /// One of these keys; another one is refused with 1001.
    OneOf(Vec<String>),
    /// Nobody needs a key.
    NotNeeded,
}

/// Never shows a key.
impl fmt::Debug for KeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::OneOf(keys) => write!(f, "OneOf({} keys)", keys.len()),
            Self::NotNeeded => f.write_str("NotNeeded"),
        }
    }
}

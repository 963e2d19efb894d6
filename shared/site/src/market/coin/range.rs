//! How far back a plot goes.

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{Divided, NewestQuote};

use super::POINTS;
use crate::parameters::one_of;
use crate::trouble::Trouble;

/// How far back a plot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Day,
    Week,
    Month,
    Year,
    All,
}

impl Range {
    /// All, the shortest first.
    pub(super) const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Year, Self::All];

    /// Its name in an address, which people read, too.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Year => "1y",
            Self::All => "all",
        }
    }

    /// The range that was `asked` for, if one was.
    pub(super) fn named(asked: Option<&str>) -> Result<Option<Self>, Trouble> {
        one_of("range", asked, &Self::ALL.map(|range| (range.as_str(), range)))
    }

    /// The stretch of time until `now`, of the coin with this newest `quote`.
    pub(super) fn span(self, now: DateTime<Utc>, quote: &NewestQuote) -> Divided {
        let newest = quote.quote.last_updated;
        let from = match self {
            Self::Day => now - TimeDelta::hours(24),
            Self::Week => now - TimeDelta::days(7),
            Self::Month => now - TimeDelta::days(30),
            Self::Year => now - TimeDelta::days(365),
            // The history is no longer there, or never was: the newest quote stands alone.
            Self::All => quote.since.unwrap_or(newest).min(now - TimeDelta::hours(1)),
        };
        // A quote may be of the second that runs, or of a clock that is ahead.
        Divided::new(from, now.max(newest) + TimeDelta::seconds(1), POINTS)
    }
}

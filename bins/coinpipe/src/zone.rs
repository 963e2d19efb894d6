//! A time zone, and how it is said.

use std::fmt;

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

/// Where a time without a zone was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// By its name; knows its summer times, as of the year in question.
    Named(Tz),
    /// So far from UTC all the time.
    Fixed(FixedOffset),
}

impl Zone {
    pub(crate) const UTC: Self = Self::Named(Tz::UTC);

    /// `America/New_York`, `UTC`, `-05:00`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let offset = || text.parse().ok().map(Self::Fixed);
        let named = || text.parse().ok().map(Self::Named);
        // `Etc/GMT+5` is a name, and five hours *behind* UTC.
        named().or_else(offset).ok_or_else(|| {
            "write a name of the IANA database such as America/New_York, or an offset such as -05:00"
                .to_owned()
        })
    }

    /// The instant that a clock there showed as `local`: the first one, when it showed it twice; none when it was put forward over it.
    pub(crate) fn instant(self, local: NaiveDateTime) -> LocalResult<DateTime<Utc>> {
        match self {
            Self::Named(zone) => zone.from_local_datetime(&local).map(|at| at.to_utc()),
            Self::Fixed(offset) => offset.from_local_datetime(&local).map(|at| at.to_utc()),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(zone) => f.write_str(zone.name()),
            Self::Fixed(offset) => write!(f, "{offset}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_offsets_are_read_and_nothing_else() {
        for (text, shown) in [
            ("America/Bogota", "America/Bogota"),
            ("UTC", "UTC"),
            ("Etc/GMT+5", "Etc/GMT+5"),
            ("-05:00", "-05:00"),
            ("+0530", "+05:30"),
        ] {
            assert_eq!(Zone::parse(text).map(|zone| zone.to_string()).as_deref(), Ok(shown));
        }
        for text in ["", "5", "Bogota", "America/Atlantis", "+25:00", "local"] {
            assert!(Zone::parse(text).unwrap_err().contains("America/New_York"), "{text}");
        }
    }

    #[test]
    fn a_clock_there_shows_each_time_once_but_when_summer_begins_and_ends() {
        let check = |zone: &str, local: &str, expected: &[&str]| {
            let found = Zone::parse(zone).unwrap().instant(local.parse().unwrap());
            let found = [found.earliest(), found.latest()].into_iter().flatten();
            let mut found: Vec<_> = found.map(|at| at.format("%FT%RZ").to_string()).collect();
            found.dedup();
            assert_eq!(found, expected, "{local} in {zone}");
        };
        check("America/Bogota", "2026-11-25T13:00:00", &["2026-11-25T18:00Z"]);
        check("-05:00", "2026-11-25T13:00:00", &["2026-11-25T18:00Z"]);
        check("Etc/GMT+5", "2026-11-25T13:00:00", &["2026-11-25T18:00Z"]);
        check("Europe/Berlin", "2026-07-01T00:00:00", &["2026-06-30T22:00Z"]);
        check("Europe/Berlin", "2026-10-25T02:30:00", &["2026-10-25T00:30Z", "2026-10-25T01:30Z"]);
        check("Europe/Berlin", "2026-03-29T02:30:00", &[]);
    }
}

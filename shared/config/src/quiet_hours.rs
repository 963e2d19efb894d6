//! `alert.quiet_hours`: the hours of each day in which nobody wants mails.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::values::OFF;

/// From one time of the day to another, maybe over midnight, on the clocks of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: NaiveTime,
    to: NaiveTime,
    zone: Tz,
}

impl QuietHours {
    /// `22:00-07:00` (UTC), `22:00-07:00 Europe/Berlin`. Hours that begin when they end are none.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, zone) = match text.trim().split_once(char::is_whitespace) {
            Some((hours, zone)) => (hours, zone.trim().parse().ok()?),
            None => (text.trim(), Tz::UTC),
        };
        let (from, to) = hours.split_once('-')?;
        let time = |text| NaiveTime::parse_from_str(text, "%H:%M").ok();
        let (from, to) = (time(from)?, time(to)?);
        (from != to).then_some(Self { from, to, zone })
    }

    /// Whether `at` is one of them.
    pub fn contain(&self, at: DateTime<Utc>) -> bool {
        let time = at.with_timezone(&self.zone).time();
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

/// Hours; none for [`OFF`].
pub(crate) fn quiet_hours<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<QuietHours>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim() == OFF {
        return Ok(None);
    }
    QuietHours::parse(&text).map(Some).ok_or_else(|| {
        Error::custom(format!(
            "{text:?} is neither \"off\" nor hours such as \"22:00-07:00\" (UTC) or \"22:00-07:00 Europe/Berlin\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(hours: &str, at: &str) -> bool {
        QuietHours::parse(hours).unwrap().contain(at.parse().unwrap())
    }

    #[test]
    fn hours_begin_and_end_on_the_clocks_of_their_zone() {
        for (hours, at, expected) in [
            ("22:00-07:00", "2026-11-22T21:59:59Z", false),
            ("22:00-07:00", "2026-11-22T22:00:00Z", true),
            ("22:00-07:00", "2026-11-23T00:00:00Z", true),
            ("22:00-07:00", "2026-11-23T06:59:59Z", true),
            ("22:00-07:00", "2026-11-23T07:00:00Z", false),
            ("9:30-10:00", "2026-11-23T09:45:00Z", true),
            ("9:30-10:00", "2026-11-23T10:00:00Z", false),
            // An hour before UTC in winter, two in summer.
            ("22:00-07:00 Europe/Berlin", "2026-11-22T21:00:00Z", true),
            ("22:00-07:00 Europe/Berlin", "2026-11-22T06:00:00Z", false),
            ("22:00-07:00  Europe/Berlin ", "2026-07-22T20:00:00Z", true),
            ("22:00-07:00 Europe/Berlin", "2026-07-22T05:00:00Z", false),
        ] {
            assert_eq!(contain(hours, at), expected, "{hours} {at}");
        }
    }

    #[test]
    fn what_is_no_hours_is_none() {
        for text in
            ["", "22:00", "22-7", "25:00-07:00", "07:00-07:00", "22:00-07:00 Berlin", "22:00–07:00", "-"]
        {
            assert_eq!(QuietHours::parse(text), None, "{text}");
        }
    }
}

//! An instant as it is typed: with its zone, as a time of day somewhere, or as a day.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use clap::Args;
use domain::timestamp;
use service::Usage;

use crate::zone::Zone;

/// No clock was ever put forward by more.
const MOST_SKIPPED: i64 = 26 * 60;

/// Where times that do not say their zone were read from a clock.
#[derive(Args, Clone, Copy, Debug, Default)]
#[group(skip)]
pub(crate) struct ZoneArgs {
    /// The zone of times without one, and of days (Europe/Berlin, -05:00); without it, days are those of UTC
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true, value_parser = Zone::parse)]
    time_zone: Option<Zone>,
}

/// An instant as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It says its zone.
    At(DateTime<Utc>),
    /// What a clock showed.
    Local(NaiveDateTime),
    /// The first moment of a day.
    Day(NaiveDate),
}

impl When {
    /// `2026-11-22T14:00:00Z`, `2026-11-22T14:00`, or `2026-11-22`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let local = || {
            let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
            formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        };
        let read = timestamp::from_text(text).map(Self::At);
        let read = read.or_else(|| local().map(Self::Local)).or_else(|| text.parse().ok().map(Self::Day));
        read.ok_or_else(|| {
            "write an instant such as 2026-11-22T14:00:00Z, or a day such as 2026-11-22".to_owned()
        })
    }

    /// The instant; an error when it cannot be told which one is meant.
    pub(crate) fn instant(&self, ZoneArgs { time_zone }: ZoneArgs) -> Result<DateTime<Utc>, Usage> {
        match (self, time_zone) {
            (Self::At(at), _) => Ok(*at),
            (Self::Day(day), zone) => {
                let (zone, midnight) = (zone.unwrap_or(Zone::UTC), day.and_time(NaiveTime::MIN));
                // Some clocks are put forward at midnight, and some show it twice.
                let first = zone.instant(midnight).earliest();
                let first = first.or_else(|| next_shown(midnight, zone).map(|(_, at)| at));
                first.ok_or_else(|| Usage(format!("there was no {day} in {zone}")))
            }
            (Self::Local(local), None) => Err(Usage(format!(
                "{local} does not say its time zone: write {local}Z for UTC, or add --time-zone"
            ))),
            (Self::Local(local), Some(zone)) => match zone.instant(*local) {
                LocalResult::Single(at) => Ok(at),
                LocalResult::Ambiguous(first, second) => Err(Usage(format!(
                    "clocks in {zone} showed {local} twice, because they were put back: write {} or {}",
                    timestamp::to_text(first),
                    timestamp::to_text(second)
                ))),
                LocalResult::None => {
                    let next = next_shown(*local, zone).map_or_else(String::new, |(local, at)| {
                        format!(
                            ": the next time that they showed is {local}, which is {}",
                            timestamp::to_text(at)
                        )
                    });
                    Err(Usage(format!(
                        "no clock in {zone} showed {local}, because they were put forward{next}"
                    )))
                }
            },
        }
    }
}

/// What a clock in `zone` showed next that was put forward over `local`, and when.
fn next_shown(local: NaiveDateTime, zone: Zone) -> Option<(NaiveDateTime, DateTime<Utc>)> {
    (1..=MOST_SKIPPED).find_map(|minutes| {
        let shown = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        Some((shown, zone.instant(shown).earliest()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: &str) -> Result<String, String> {
        let time_zone = (!zone.is_empty()).then(|| Zone::parse(zone).unwrap());
        let read = When::parse(text).unwrap().instant(ZoneArgs { time_zone });
        read.map(timestamp::to_text).map_err(|error| error.0)
    }

    #[test]
    fn a_time_is_of_its_zone_and_a_day_begins_with_its_first_moment_there() {
        let berlin = "Europe/Berlin";
        for (text, zone, expected) in [
            ("2026-11-22T14:00:00Z", "", "2026-11-22T14:00:00.000Z"),
            ("2026-11-22T14:00:00Z", berlin, "2026-11-22T14:00:00.000Z"),
            ("2026-11-22", "", "2026-11-22T00:00:00.000Z"),
            ("2026-11-22", berlin, "2026-11-21T23:00:00.000Z"),
            ("2026-11-22T14:00", berlin, "2026-11-22T13:00:00.000Z"),
            ("2026-11-22 14:00:30", "-05:00", "2026-11-22T19:00:30.000Z"),
            // On both sides of the switch.
            ("2026-03-29T01:59", berlin, "2026-03-29T00:59:00.000Z"),
            ("2026-03-29T03:00", berlin, "2026-03-29T01:00:00.000Z"),
            ("2026-10-25T01:59", berlin, "2026-10-24T23:59:00.000Z"),
            ("2026-10-25T03:00", berlin, "2026-10-25T02:00:00.000Z"),
            // No midnight, two of them, and no day.
            ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00:00.000Z"),
            ("2026-11-01", "America/Havana", "2026-11-01T04:00:00.000Z"),
            ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00.000Z"),
        ] {
            assert_eq!(read(text, zone).as_deref(), Ok(expected), "{text} in {zone:?}");
        }
    }

    #[test]
    fn a_time_that_never_was_or_was_twice_is_not_guessed() {
        for (text, zone, expected) in [
            (
                "2026-03-29T02:30",
                "Europe/Berlin",
                "no clock in Europe/Berlin showed 2026-03-29 02:30:00, because they were put forward: the next time that they \
                 showed is 2026-03-29 03:00:00, which is 2026-03-29T01:00:00.000Z",
            ),
            (
                "2026-10-25T02:30",
                "Europe/Berlin",
                "clocks in Europe/Berlin showed 2026-10-25 02:30:00 twice, because they were put back: write \
                 2026-10-25T00:30:00.000Z or 2026-10-25T01:30:00.000Z",
            ),
            (
                "2026-11-22T14:00",
                "",
                "2026-11-22 14:00:00 does not say its time zone: write 2026-11-22 14:00:00Z for UTC, or add --time-zone",
            ),
        ] {
            assert_eq!(read(text, zone), Err(expected.to_owned()), "{text} in {zone:?}");
        }
        assert!(When::parse("yesterday").unwrap_err().contains("2026-11-22T14:00:00Z"));
    }

    #[test]
    fn what_is_told_to_be_written_can_be_read() {
        for text in ["2026-10-25T00:30:00.000Z", "2026-11-22 14:00:00Z"] {
            assert!(matches!(When::parse(text), Ok(When::At(_))), "{text}");
        }
    }
}

//! When the numbers of a row were right.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, Utc};
use domain::timestamp;

use crate::zone::Zone;

/// How times are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For those that do not say their zone.
    pub(super) zone: Zone,
    /// For rows without a time.
    pub(super) as_of: Option<DateTime<Utc>>,
}

/// When the numbers of a row were right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowTime {
    /// `None` when the text cannot be read; the transformer rejects it with its reason.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) text: String,
    /// Whether a clock showed it twice, and the first time was taken.
    pub(super) is_doubled: bool,
}

impl RowTime {
    /// From the `text` of the row, or else as [`Times::as_of`] says.
    pub(super) fn of(text: Option<&str>, times: &Times) -> Self {
        let read = match text {
            Some(text) => read_time(text, times.zone),
            None => times.as_of.map_or(LocalResult::None, LocalResult::Single),
        };
        let at = read.earliest();
        let is_doubled = matches!(read, LocalResult::Ambiguous(..));
        let text = at.map_or_else(|| text.unwrap_or_default().to_owned(), timestamp::to_text);
        Self { at, text, is_doubled }
    }
}

/// An instant with its zone, or a time in `zone`; a day is its first moment.
pub(super) fn read_time(text: &str, zone: Zone) -> LocalResult<DateTime<Utc>> {
    if let Some(at) = timestamp::from_text(text) {
        return LocalResult::Single(at);
    }
    let at = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let at = at.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let at = at.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    at.map_or(LocalResult::None, |at| zone.instant(at).map(timestamp::to_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_zone_unless_it_says_its_own() {
        let read = |zone: &str, text: Option<&str>| {
            let times = Times { zone: Zone::parse(zone).unwrap(), as_of: None };
            let RowTime { at, text, is_doubled } = RowTime::of(text, &times);
            (at.is_some(), text, is_doubled)
        };
        let known = |text: &str| (true, text.to_owned(), false);
        let (bogota, berlin) = ("America/Bogota", "Europe/Berlin");
        assert_eq!(read(bogota, Some("2026-11-25 13:00:00")), known("2026-11-25T18:00:00.000Z"));
        assert_eq!(read(bogota, Some("2026-11-25")), known("2026-11-25T05:00:00.000Z"));
        assert_eq!(read(bogota, Some("2026-11-25T13:00:00Z")), known("2026-11-25T13:00:00.000Z"));
        assert_eq!(read(bogota, Some("2026-11-25 13:00:00+01:00")), known("2026-11-25T12:00:00.000Z"));
        let doubled = (true, "2026-10-25T00:30:00.000Z".to_owned(), true);
        assert_eq!(read(berlin, Some("2026-10-25 02:30:00")), doubled);
        // No clock showed it: the rules say so of what is left as it is.
        let skipped = "2026-03-29 02:30:00";
        assert_eq!(read(berlin, Some(skipped)), (false, skipped.to_owned(), false));
        assert_eq!(read(bogota, None), (false, String::new(), false));
    }
}

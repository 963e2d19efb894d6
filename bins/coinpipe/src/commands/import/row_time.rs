//! When the numbers of a row were right.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use domain::timestamp;

/// When the numbers of a row were right.
pub(super) struct RowTime {
    /// `None` when the text cannot be read; the transformer rejects it with its reason.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) text: String,
}

impl RowTime {
    /// From the `text` of the row, or else `as_of`.
    pub(super) fn of(text: Option<&str>, as_of: Option<DateTime<Utc>>) -> Self {
        let at = match text {
            Some(text) => read_time(text),
            None => as_of,
        };
        let text = at.map_or_else(|| text.unwrap_or_default().to_owned(), timestamp::to_text);
        Self { at, text }
    }
}

/// An instant with its zone, or in UTC; a day is its first moment.
pub(super) fn read_time(text: &str) -> Option<DateTime<Utc>> {
    let local = || {
        let at = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
        let at = at.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let at = at.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
        at.map(|at| timestamp::to_millis(at.and_utc()))
    };
    timestamp::from_text(text).or_else(local)
}

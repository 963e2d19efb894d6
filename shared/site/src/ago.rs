//! Instants for people: how long ago, with the exact instant beside it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use maud::{Markup, html};

/// In seconds.
const DAY: u64 = 86_400;
/// In seconds, on average.
const YEAR: u64 = 31_556_952;

/// How long ago `at` was, in one unit, such as `3 minutes ago`; the instant itself is in the title.
pub(crate) fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    html! { time datetime=(exact) title=(exact) { (in_words(now - at)) } }
}

/// An instant that is read long after, such as in a record: its day and minute.
pub(crate) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn in_words(passed: TimeDelta) -> String {
    let seconds = passed.num_seconds();
    let amount = match seconds.unsigned_abs() {
        0..5 => return "now".to_owned(),
        seconds @ 5..60 => count(seconds, "second"),
        seconds @ 60..3_600 => count(seconds / 60, "minute"),
        seconds @ 3_600..86_400 => count(seconds / 3_600, "hour"),
        seconds if seconds < 60 * DAY => count(seconds / DAY, "day"),
        seconds if seconds < 2 * YEAR => count(seconds / (YEAR / 12), "month"),
        seconds => count(seconds / YEAR, "year"),
    };
    if seconds < 0 { format!("in {amount}") } else { format!("{amount} ago") }
}

fn count(number: u64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_is_enough() {
        for (seconds, words) in [
            (0, "now"),
            (5, "5 seconds ago"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (200_000, "2 days ago"),
            (86_400 * 61, "2 months ago"),
            (86_400 * 5_980, "16 years ago"),
            (-90, "in 1 minute"),
        ] {
            assert_eq!(in_words(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn the_exact_instant_is_beside_it() {
        let at = DateTime::from_timestamp(1_795_356_000, 0).unwrap();
        let text = ago(at + TimeDelta::minutes(3), at).into_string();
        let exact = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        assert_eq!(text, format!(r#"<time datetime="{exact}" title="{exact}">3 minutes ago</time>"#));
    }
}

//! Small drawings of a course, of fixed size, for tables.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::amounts;
use maud::{Markup, html};

use crate::numbers;
use crate::plot::part;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 32.0;
/// Kept free above and below, for the width of the line.
const EDGE: f64 = 2.0;

/// The course of `points` between `from` and `until`; `what` says of what it is. Its colour and its words say whether it went up.
/// `None` when there are fewer than two points.
pub(crate) fn sparkline(
    what: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    points: &[(DateTime<Utc>, f64)],
) -> Option<Markup> {
    let [(_, first), .., (_, last)] = *points else { return None };
    let low = points.iter().fold(f64::INFINITY, |low, &(_, value)| low.min(value));
    let high = points.iter().fold(f64::NEG_INFINITY, |high, &(_, value)| high.max(value));
    let mut path = String::new();
    for &(at, value) in points {
        let x = passed(seconds(from), seconds(until), seconds(at)) * WIDTH;
        // A course without any change lies in the middle.
        let y = HEIGHT - EDGE - part(low, high, value) * (HEIGHT - 2.0 * EDGE);
        // A `String` takes all that is written.
        let _ = write!(path, "{}{x:.0} {y:.1}", if path.is_empty() { "M" } else { "L" });
    }
    let (class, course) = match first.partial_cmp(&last) {
        Some(std::cmp::Ordering::Less) => ("spark up", "up"),
        Some(std::cmp::Ordering::Greater) => ("spark down", "down"),
        _ => ("spark even", "even"),
    };
    let change = amounts::change(first, last).map(numbers::percent).unwrap_or_default();
    Some(html! {
        svg class=(class) width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
            aria-label={ (what) ": " (course) " " (change) } {
            path d=(path) {}
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "the seconds of a million years are exact in a double")]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64
}

/// Which part of the way from `from` to `until` `at` is: 0 to 1.
fn passed(from: f64, until: f64, at: f64) -> f64 {
    if until > from { ((at - from) / (until - from)).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn drawn(points: &[(i64, f64)]) -> String {
        let points: Vec<_> = points.iter().map(|&(seconds, value)| (at(seconds), value)).collect();
        sparkline("7 days", at(0), at(100), &points).map(Markup::into_string).unwrap_or_default()
    }

    #[test]
    fn it_goes_from_the_first_instant_to_the_last_and_says_where_to() {
        let text = drawn(&[(0, 1.0), (50, 3.0), (100, 2.0)]);
        assert!(text.contains(r#"d="M0 30.0L60 2.0L120 16.0""#), "{text}");
        assert!(text.contains("class=\"spark up\"") && text.contains("up +100.00"), "{text}");
    }

    #[test]
    fn whatever_the_numbers_are_it_is_a_path() {
        for points in [
            [(0, 5.0), (100, 5.0)],
            [(0, 0.0), (100, 0.0)],
            [(0, -f64::MAX), (100, f64::MAX)],
            [(-500, 1e-300), (900, 2e-300)],
            [(0, 5e-324), (100, 0.0)],
        ] {
            let text = drawn(&points);
            assert!(text.contains("<path d=\"M0 "), "{text}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
        assert_eq!(drawn(&[(0, 1.0)]), "");
        let text = drawn(&[(0, -1.0), (100, 3.0)]);
        assert!(text.contains("spark up") && !text.contains('%'), "{text}");
    }
}

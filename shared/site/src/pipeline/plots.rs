//! How the snapshots of a span went, and what they cost, as plots.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use ports::store::{Course, Paid};

use super::overview::COURSES;
use crate::numbers;
use crate::plot::{Plot, Shape};
use crate::truth::counted;

type Points = Vec<(DateTime<Utc>, f64)>;

/// The figures.
pub(super) fn figures(courses: &[Course], paid: &[Paid], span: (DateTime<Utc>, DateTime<Utc>)) -> Markup {
    if courses.is_empty() && paid.is_empty() {
        return html! { p { "Nothing was fetched in this time, so there is nothing to draw." } };
    }
    let is_cut = courses.len() >= COURSES as usize;
    html! {
        @if is_cut { p.note { "The newest " (counted(COURSES.into(), "snapshot")) " of this time." } }
        (speed(courses, span))
        (lag(courses, span))
        (credits(paid, span))
    }
}

fn speed(courses: &[Course], (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Markup {
    let points = points(courses, |course| {
        let took = seconds(course.loaded_at? - course.fetched_at?);
        (took > 0.0).then(|| exact(course.quotes) / took)
    });
    let newest = points.last().map(|(_, value)| *value);
    let summary = html! { @match newest { Some(rows) => { (rows_a_second(rows)) " in the newest snapshot" }, None => "not known in this time" } };
    let lines = [("rows a second", points)];
    Plot {
        name: "Rows a second, from fetched to loaded",
        summary,
        from,
        until,
        shape: Shape::Area,
        write: rows_a_second,
        lines: &lines,
        ranges: Vec::new(),
    }
    .figure()
}

fn lag(courses: &[Course], (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Markup {
    let fetched =
        points(courses, |course| Some(seconds(course.fetched_at? - course.slot.starts_at()).max(0.0)));
    let loaded =
        points(courses, |course| Some(seconds(course.loaded_at? - course.slot.starts_at()).max(0.0)));
    let summary = html! { @match loaded.last() { Some((_, time)) => { "loaded " (in_time(*time)) " after its slot began, the newest one" }, None => "not known in this time" } };
    let unit = Unit::of(fetched.iter().chain(&loaded).map(|point| point.1).fold(0.0, f64::max));
    let lines = [("fetched", unit.all(fetched)), ("loaded", unit.all(loaded))];
    Plot {
        name: &format!("Time from slot to fetched and loaded, in {}", unit.name),
        summary,
        from,
        until,
        shape: Shape::Line,
        write: numbers::short,
        lines: &lines,
        ranges: Vec::new(),
    }
    .figure()
}

/// What was paid, added up, and where that leads if it goes on.
fn credits(paid: &[Paid], (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Markup {
    let mut sum = 0.0;
    let used: Points = paid
        .iter()
        .map(|paid| {
            sum += f64::from(paid.credits);
            (paid.fetched_at, sum)
        })
        .collect();
    let used = thin(used);
    // As far ahead as half of what is behind.
    let ahead = until + (until - from) / 2;
    let began = used.first().map_or(from, |(at, _)| *at);
    let watched = until - began;
    let is_telling = watched > TimeDelta::hours(1) && sum > 0.0;
    let forecast = sum * (1.0 + seconds(ahead - until) / seconds(watched).max(1.0));
    let month = sum / seconds(watched).max(1.0) * 30.0 * 86_400.0;
    let summary = html! {
        (in_credits(sum)) " used"
        @if is_telling { "; at this pace " (in_credits(month.round())) " in 30 days" }
    };
    let mut lines = vec![("used", used)];
    if is_telling {
        lines.push(("forecast", vec![(until, sum), (ahead, forecast)]));
    }
    let until = if is_telling { ahead } else { until };
    Plot {
        name: "Credits",
        summary,
        from,
        until,
        shape: Shape::Line,
        write: in_credits,
        lines: &lines,
        ranges: Vec::new(),
    }
    .figure()
}

/// As many points of a sum as can be told apart: of more, each of some. A sum has no peaks that are lost by it.
fn thin(points: Points) -> Points {
    const MOST: usize = 400;
    let step = points.len().div_ceil(MOST).max(1);
    let last = points.last().copied();
    let mut thinned: Points = points.into_iter().step_by(step).collect();
    if thinned.last() != last.as_ref() {
        thinned.extend(last);
    }
    thinned
}

/// A point of each snapshot, of which no more than [`COURSES`] are read, of which `value` is known, oldest first.
fn points(courses: &[Course], value: impl Fn(&Course) -> Option<f64>) -> Points {
    let points = courses.iter().rev().filter_map(|course| Some((course.slot.starts_at(), value(course)?)));
    points.filter(|(_, value)| value.is_finite()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a plot is no more exact than that")]
fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a plot is no more exact than that")]
fn exact(number: u64) -> f64 {
    number as f64
}

/// Credits, which are whole; what stands beside a plot may lie between two.
fn in_credits(credits: f64) -> String {
    if credits.abs() >= 1000.0 {
        return numbers::short(credits);
    }
    let decimals = usize::from(credits.fract() != 0.0);
    format!("{credits:.decimals$}")
}

fn rows_a_second(rows: f64) -> String {
    format!("{} rows/s", numbers::short(rows))
}

/// In what a time is told.
struct Unit {
    name: &'static str,
    short: &'static str,
    seconds: f64,
}

impl Unit {
    /// The one in which so many seconds are a number that says something.
    fn of(seconds: f64) -> Self {
        match seconds {
            ..120.0 => Self { name: "seconds", short: "s", seconds: 1.0 },
            ..7200.0 => Self { name: "minutes", short: "min", seconds: 60.0 },
            _ => Self { name: "hours", short: "h", seconds: 3600.0 },
        }
    }

    /// `points`, which are in seconds.
    fn all(&self, points: Points) -> Points {
        points.into_iter().map(|(at, seconds)| (at, seconds / self.seconds)).collect()
    }
}

/// Seconds in words.
fn in_time(seconds: f64) -> String {
    let unit = Unit::of(seconds);
    format!("{:.1} {}", seconds / unit.seconds, unit.short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_credits_are_written_whole() {
        for (credits, written) in
            [(20.0, "20"), (0.0, "0"), (7.5, "7.5"), (999.0, "999"), (1234.0, "1.23\u{a0}K"), (-5.0, "-5")]
        {
            assert_eq!(in_credits(credits), written);
        }
    }
}

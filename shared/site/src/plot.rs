//! Plots over time, which can be read without JavaScript: an SVG that takes any width, with its numbers beside it as text. Where
//! scripts run, uPlot takes its place, with the same numbers.

mod scale;

use std::fmt::Write;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::json;

use scale::{Scale, labels, x};

/// The drawing's own units; it is stretched to the width of the view.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;
/// A line is broken where points are missing: where the distance is so many times the usual one.
const BREAK: i32 = 4;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A line; the scale shows what it did, and need not begin with 0.
    Line,
    /// A line and the area below, from 0.
    Area,
}

/// A point of a line: when, and how much.
pub(crate) type Point = (DateTime<Utc>, f64);

/// What is drawn.
pub(crate) struct Plot<'a> {
    /// What it shows, such as `Price in USD`.
    pub(crate) name: &'a str,
    /// What follows the name: a sentence that says in numbers what is seen.
    pub(crate) summary: Markup,
    /// Where it begins.
    pub(crate) from: DateTime<Utc>,
    /// Where it ends.
    pub(crate) until: DateTime<Utc>,
    /// How it is drawn.
    pub(crate) shape: Shape,
    /// How numbers are written.
    pub(crate) write: fn(f64) -> String,
    /// The lines, by their names. Points are in the order of time; all are finite.
    pub(crate) lines: &'a [(&'a str, Vec<Point>)],
}

impl Plot<'_> {
    /// The figure.
    pub(crate) fn figure(&self) -> Markup {
        let values = || self.lines.iter().flat_map(|(_, points)| points.iter().map(|&(_, value)| value));
        let Some(scale) = Scale::of(values(), self.shape == Shape::Area) else {
            return html! { figure.plot { figcaption { strong { (self.name) } " " (self.summary) } } };
        };
        html! {
            figure.plot data-plot=(self.numbers()) {
                figcaption { strong { (self.name) } " " (self.summary) }
                @if self.lines.len() > 1 {
                    ul.legend {
                        @for (number, (name, _)) in self.lines.iter().enumerate() {
                            li { svg.key width="24" height="8" aria-hidden="true" { path class={ "line line" (number) } d="M0 4H24" {} } (name) }
                        }
                    }
                }
                div.canvas {
                    div.y aria-hidden="true" {
                        @for tick in scale.ticks().iter().rev() { span { ((self.write)(*tick)) } }
                    }
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(self.name) {
                        @for tick in scale.ticks() {
                            path.grid d={ "M0 " (y(&scale, *tick)) "H" (WIDTH) } {}
                        }
                        @for (number, (_, points)) in self.lines.iter().enumerate() { (self.drawn(number, points, &scale)) }
                    }
                    div.x aria-hidden="true" {
                        @for label in labels(self.from, self.until) { span { (label) } }
                    }
                }
                // A script writes into it what is pointed at; its place is kept from the start.
                p.reading {}
            }
        }
    }

    fn drawn(&self, number: usize, points: &[Point], scale: &Scale) -> Markup {
        let (mut line, mut area) = (String::new(), String::new());
        for part in parts(points) {
            for (index, &(at, value)) in part.iter().enumerate() {
                let (x, y) = (x(self.from, self.until, at) * WIDTH, y(scale, value));
                let step = if index == 0 { "M" } else { "L" };
                // A `String` takes all that is written.
                let _ = write!(line, "{step}{x:.1} {y}");
                if self.shape == Shape::Area {
                    let _ = if index == 0 {
                        write!(area, "M{x:.1} {HEIGHT}L{x:.1} {y}")
                    } else {
                        write!(area, "L{x:.1} {y}")
                    };
                }
            }
            // A part of one point is a dot.
            line.push_str(if part.len() == 1 { "h1" } else { "" });
            if let (Shape::Area, Some(&(at, _))) = (self.shape, part.last()) {
                let _ = write!(area, "L{:.1} {HEIGHT}Z", x(self.from, self.until, at) * WIDTH);
            }
        }
        html! {
            @if !area.is_empty() { path class={ "area area" (number) } d=(area) {} }
            path class={ "line line" (number) } d=(line) {}
        }
    }

    /// The numbers for uPlot: instants in seconds, and the values of each line; null where it is broken.
    fn numbers(&self) -> String {
        let mut lines = Vec::new();
        for (name, points) in self.lines {
            let mut values: Vec<(i64, Option<f64>)> = Vec::with_capacity(points.len());
            for part in parts(points) {
                if let Some(&(last, _)) = values.last() {
                    values.push((last + 1, None));
                }
                values.extend(part.iter().map(|&(at, value)| (at.timestamp(), Some(value))));
            }
            let (at, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
            lines.push(json!({ "name": name, "at": at, "values": values }));
        }
        let area = self.shape == Shape::Area;
        json!({ "from": self.from.timestamp(), "until": self.until.timestamp(), "area": area, "lines": lines }).to_string()
    }
}

/// The parts of a line between which points are missing.
fn parts(points: &[Point]) -> Vec<&[Point]> {
    let mut distances: Vec<_> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    distances.sort_unstable();
    let Some(&usual) = distances.get(distances.len() / 2) else {
        return if points.is_empty() { Vec::new() } else { vec![points] };
    };
    points.chunk_by(|one, next| next.0 - one.0 <= usual * BREAK).collect()
}

/// Where `value` is drawn, with one decimal.
fn y(scale: &Scale, value: f64) -> String {
    format!("{:.1}", HEIGHT - scale.part(value) * HEIGHT)
}

#[cfg(test)]
mod tests;

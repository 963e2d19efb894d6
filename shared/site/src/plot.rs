//! Plots over time, which can be read without JavaScript: an SVG that takes any width, with its numbers beside it as text. Where
//! scripts run, uPlot takes its place, with the same numbers.

mod scale;

use std::fmt::Write;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::json;

pub(crate) use scale::part;
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

/// Between which values a line was around a point of it: when, the lowest, and the highest.
pub(crate) type Range = (DateTime<Utc>, f64, f64);

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
    /// Between which values the line was around each of its points, where these stand for many; empty where they do not. In the order of
    /// time; all are finite.
    pub(crate) ranges: Vec<Range>,
}

impl Plot<'_> {
    /// The figure.
    pub(crate) fn figure(&self) -> Markup {
        let values = self.lines.iter().flat_map(|(_, points)| points.iter().map(|&(_, value)| value));
        let values = values.chain(self.ranges.iter().flat_map(|&(_, low, high)| [low, high]));
        let Some(scale) = Scale::of(values, self.shape == Shape::Area) else {
            return html! { figure.plot { figcaption { strong { (self.name) } " " (self.summary) } } };
        };
        html! {
            figure.plot data-plot=(self.numbers()) {
                figcaption { strong { (self.name) } " " (self.summary) }
                @if self.lines.len() > 1 || !self.ranges.is_empty() {
                    ul.legend {
                        @for (number, (name, _)) in self.lines.iter().enumerate() {
                            li { svg.key width="24" height="8" aria-hidden="true" { path class={ "line line" (number) } d="M0 4H24" {} } (name) }
                        }
                        @if !self.ranges.is_empty() {
                            li { svg.key width="24" height="8" aria-hidden="true" { path.range d="M0 0H24V8H0Z" {} } "lowest to highest" }
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
                        @if !self.ranges.is_empty() { path.range d=(self.drawn_ranges(&scale)) {} }
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
        let (mut line, mut area, mut dots) = (String::new(), String::new(), String::new());
        for part in parts(points, |point| point.0) {
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
            // A part of one point is a dot: a line of no length, whose round ends are seen.
            if let [(at, value)] = part {
                let _ = write!(dots, "M{:.1} {}h0", x(self.from, self.until, *at) * WIDTH, y(scale, *value));
            }
            if let (Shape::Area, Some(&(at, _))) = (self.shape, part.last()) {
                let _ = write!(area, "L{:.1} {HEIGHT}Z", x(self.from, self.until, at) * WIDTH);
            }
        }
        html! {
            @if !area.is_empty() { path class={ "area area" (number) } d=(area) {} }
            path class={ "line line" (number) } d=(line) {}
            @if !dots.is_empty() { path class={ "line line" (number) " dot" } d=(dots) {} }
        }
    }

    /// A band along the highest values and back along the lowest.
    fn drawn_ranges(&self, scale: &Scale) -> String {
        let mut band = String::new();
        for part in parts(&self.ranges, |range| range.0) {
            let along = part.iter().map(|&(at, _, high)| (at, high));
            let back = part.iter().rev().map(|&(at, low, _)| (at, low));
            for (index, (at, value)) in along.chain(back).enumerate() {
                let step = if index == 0 { "M" } else { "L" };
                // A `String` takes all that is written.
                let _ = write!(band, "{step}{:.1} {}", x(self.from, self.until, at) * WIDTH, y(scale, value));
            }
            band.push('Z');
        }
        band
    }

    /// The numbers for uPlot: instants in seconds, the values of each line, and the ends of the ranges; null where a line is broken.
    fn numbers(&self) -> String {
        let line = |(name, points): &(&str, Vec<Point>)| {
            let values = broken(points, |point| point.0);
            let (at, values): (Vec<_>, Vec<_>) =
                values.into_iter().map(|(at, point)| (at, point.map(|point| point.1))).unzip();
            json!({ "name": name, "at": at, "values": values })
        };
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        let area = self.shape == Shape::Area;
        let mut numbers = json!({ "from": self.from.timestamp(), "until": self.until.timestamp(), "area": area, "lines": lines });
        if !self.ranges.is_empty() {
            let ranges = broken(&self.ranges, |range| range.0);
            let at: Vec<_> = ranges.iter().map(|(at, _)| at).collect();
            let low: Vec<_> = ranges.iter().map(|(_, range)| range.map(|range| range.1)).collect();
            let high: Vec<_> = ranges.iter().map(|(_, range)| range.map(|range| range.2)).collect();
            numbers["ranges"] = json!({ "at": at, "low": low, "high": high });
        }
        numbers.to_string()
    }
}

/// The points with their instants in seconds; none where a line is broken.
fn broken<T: Copy>(points: &[T], at: fn(&T) -> DateTime<Utc>) -> Vec<(i64, Option<T>)> {
    let mut all: Vec<(i64, Option<T>)> = Vec::with_capacity(points.len());
    for part in parts(points, at) {
        if let Some(&(last, _)) = all.last() {
            all.push((last + 1, None));
        }
        all.extend(part.iter().map(|point| (at(point).timestamp(), Some(*point))));
    }
    all
}

/// The parts of a line between which points are missing.
fn parts<T>(points: &[T], at: fn(&T) -> DateTime<Utc>) -> Vec<&[T]> {
    let mut distances: Vec<_> = points.windows(2).map(|pair| at(&pair[1]) - at(&pair[0])).collect();
    distances.sort_unstable();
    let Some(&usual) = distances.get(distances.len() / 2) else {
        return if points.is_empty() { Vec::new() } else { vec![points] };
    };
    points.chunk_by(|one, next| at(next) - at(one) <= usual * BREAK).collect()
}

/// Where `value` is drawn, with one decimal.
fn y(scale: &Scale, value: f64) -> String {
    format!("{:.1}", HEIGHT - scale.part(value) * HEIGHT)
}

#[cfg(test)]
mod tests;

//! Where numbers and instants stand in a plot, and what is written beside it.

use chrono::{DateTime, TimeDelta, Utc};

/// Lines of the grid, at most.
const TICKS: f64 = 5.0;
/// Labels of instants.
const LABELS: i32 = 4;

/// The scale of the values: round numbers at equal distances.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    ticks: Vec<f64>,
}

impl Scale {
    /// One that holds all `values`, and 0 if asked to; `None` when there are none.
    pub(super) fn of(values: impl Iterator<Item = f64>, with_zero: bool) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        if with_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        let span = high - low;
        // A line without any change, or with more than a double holds, lies in the middle.
        let is_plain = span.is_finite() && span > low.abs().max(high.abs()) * 1e-9;
        let step = if is_plain { round_step(span / (TICKS - 1.0)) } else { 0.0 };
        if step == 0.0 || !step.is_finite() {
            let largest = low.abs().max(high.abs());
            // A tenth, or one where there is nothing: a tenth of that would be written as -0.00.
            let room = if largest == 0.0 { 1.0 } else { (largest / 10.0).max(f64::MIN_POSITIVE * 1e10) };
            let bottom = if with_zero && low >= 0.0 { 0.0 } else { (low - room).max(f64::MIN) };
            let top = (high + room).min(f64::MAX);
            return Some(Self { ticks: vec![bottom, bottom / 2.0 + top / 2.0, top] });
        }
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let mut ticks = Vec::new();
        let mut tick = first;
        while tick <= last {
            // The next round number may be more than a double holds.
            ticks.push((tick * step).clamp(f64::MIN, f64::MAX));
            tick += 1.0;
        }
        Some(Self { ticks })
    }

    /// Where lines of the grid are, the lowest first.
    pub(super) fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// Which part of the height `value` has: 0 to 1.
    pub(super) fn part(&self, value: f64) -> f64 {
        let (Some(&low), Some(&high)) = (self.ticks.first(), self.ticks.last()) else { return 0.5 };
        part(low, high, value)
    }
}

/// Which part of the way from `low` to `high` `value` is: 0 to 1, and the middle where there is no way.
pub(crate) fn part(low: f64, high: f64, value: f64) -> f64 {
    // Halves, because the distance of two doubles may be none.
    let part = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.5 }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten that is no less than `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let times = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|times| times * power >= step * (1.0 - 1e-9));
    times.unwrap_or(10.0) * power
}

/// Which part of the width `at` has: 0 to 1.
pub(super) fn x(from: DateTime<Utc>, until: DateTime<Utc>, at: DateTime<Utc>) -> f64 {
    let (whole, part) = (until - from, at - from);
    if whole > TimeDelta::zero() {
        (part.as_seconds_f64() / whole.as_seconds_f64()).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// What is written below, at equal distances, in UTC.
pub(super) fn labels(from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<String> {
    let whole = until - from;
    let form = match whole.num_hours() {
        0..36 => "%H:%M",
        36..240 => "%b %-d, %H:%M",
        240..9600 => "%b %-d",
        _ => "%b %Y",
    };
    (0..=LABELS).map(|part| (from + whole * part / LABELS).format(form).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_beside_it_are_round_and_hold_all() {
        let ticks = |values: &[f64], zero| Scale::of(values.iter().copied(), zero).unwrap().ticks;
        assert_eq!(ticks(&[61_234.0, 64_001.0], false), [61_000.0, 62_000.0, 63_000.0, 64_000.0, 65_000.0]);
        assert_eq!(ticks(&[3.0, 10.0], true), [0.0, 2.5, 5.0, 7.5, 10.0]);
        assert_eq!(ticks(&[100.0, 100.0], false), [90.0, 100.0, 110.0]);
        assert_eq!(ticks(&[0.0, 0.0], true), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(&[0.0], false), [-1.0, 0.0, 1.0]);
        assert_eq!(Scale::of([].into_iter(), true), None);
    }

    #[test]
    fn every_value_has_its_place() {
        for values in [
            [0.0, 0.0],
            [f64::MIN, f64::MAX],
            [1e-300, 3e-300],
            [-5.0, 5.0],
            [5e-324, 1.0],
            [0.0, 5e-324],
            [1e308, 1e308],
            [1e30, 1.7e308],
            [-1.7e308, 0.0],
        ] {
            let scale = Scale::of(values.into_iter(), false).unwrap();
            assert!((2..=8).contains(&scale.ticks.len()), "{scale:?}");
            assert!(scale.ticks.iter().all(|tick| tick.is_finite()), "{scale:?}");
            let parts = values.map(|value| scale.part(value));
            assert!(parts.iter().all(|part| (0.0..=1.0).contains(part)), "{values:?}: {parts:?}");
        }
    }

    #[test]
    fn instants_are_written_as_exactly_as_the_span_needs() {
        let from = DateTime::from_timestamp(1_795_356_000, 0).unwrap();
        assert_eq!(labels(from, from + TimeDelta::hours(24))[0], from.format("%H:%M").to_string());
        assert_eq!(labels(from, from + TimeDelta::days(365)).len(), 5);
        assert!((x(from, from + TimeDelta::hours(2), from + TimeDelta::hours(1)) - 0.5).abs() < 1e-9);
    }
}

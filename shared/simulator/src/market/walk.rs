//! How a price moves: smooth, bounded, and known at any minute without replaying the minutes before it.

use std::f64::consts::TAU;

use chrono::{DateTime, Utc};

/// A UTC minute since 1970: the market moves once a minute, as the real API does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Minute(i32);

impl Minute {
    /// The minute that `instant` lies in.
    pub(crate) fn of(instant: DateTime<Utc>) -> Self {
        Self(i32::try_from(instant.timestamp().div_euclid(60)).unwrap_or(i32::MAX))
    }

    /// The minute `minutes` earlier.
    pub(crate) fn back(self, minutes: i32) -> Self {
        Self(self.0.saturating_sub(minutes))
    }

    /// The minute at which something that changes every `minutes` changed last.
    pub(crate) fn floor(self, minutes: i32) -> Self {
        Self(self.0.div_euclid(minutes) * minutes)
    }

    /// The way the API writes a row's `last_updated`.
    pub(crate) fn to_text(self) -> String {
        DateTime::from_timestamp(i64::from(self.0) * 60, 0)
            .unwrap_or_default()
            .format("%Y-%m-%dT%H:%M:%S.000Z")
            .to_string()
    }
}

/// Period in minutes and amplitude (of the logarithm, at volatility 1) of each wave. The periods share no
/// common multiple that anyone will live to see, so the sum never visibly repeats. The short waves are small
/// enough that no minute moves a price by a noticeable step.
const WAVES: [(f64, f64); 8] = [
    (13.0, 0.000_6),
    (61.0, 0.002),
    (431.0, 0.006),
    (1_553.0, 0.015),
    (10_753.0, 0.05),
    (44_647.0, 0.10),
    (139_703.0, 0.20),
    (577_459.0, 0.35),
];

/// One walk: a sum of waves, each starting at its own phase, around a centre.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    centre: f64,
    volatility: f64,
    phases: [f64; WAVES.len()],
}

impl Walk {
    /// A walk around `centre`. Volatility 0 stands still; 1 is a large coin; 3 is a wild one.
    pub(crate) fn new(centre: f64, volatility: f64, rng: &mut fastrand::Rng) -> Self {
        Self { centre, volatility, phases: std::array::from_fn(|_| rng.f64()) }
    }

    /// The value at `minute`. The same answer whenever it is asked.
    pub(crate) fn at(&self, minute: Minute) -> f64 {
        let minute = f64::from(minute.0);
        let mut swing = 0.0;
        for ((period, amplitude), phase) in WAVES.iter().zip(self.phases) {
            swing += amplitude * (TAU * (minute / period + phase)).sin();
        }
        self.centre * (self.volatility * swing).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Minute = Minute(29_922_480);

    fn walk(volatility: f64) -> Walk {
        Walk::new(100.0, volatility, &mut fastrand::Rng::with_seed(7))
    }

    #[test]
    fn a_minute_moves_the_price_but_never_jumps() {
        let walk = walk(3.0);
        for minute in 0..20_000 {
            let step = (walk.at(NOON.back(minute)) / walk.at(NOON.back(minute + 1)) - 1.0).abs();
            assert!(step < 0.004, "moved by {step} within a minute");
        }
        assert!((walk.at(NOON) / walk.at(NOON.back(1)) - 1.0).abs() > 1e-9);
    }

    #[test]
    fn the_price_stays_within_sight_of_its_centre() {
        let walk = walk(1.0);
        for week in 0..2_000 {
            let price = walk.at(NOON.back(week * 10_080));
            assert!((40.0..250.0).contains(&price), "{price}");
        }
    }

    #[test]
    fn volatility_zero_keeps_every_bit_of_the_centre() {
        assert_eq!(walk(0.0).at(NOON).to_bits(), 100f64.to_bits());
    }

    #[test]
    fn a_minute_is_written_as_the_api_writes_it() {
        assert_eq!(NOON.to_text(), "2026-11-22T12:00:00.000Z");
    }
}

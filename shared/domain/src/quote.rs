//! A quote: the market numbers of one coin in one currency at one moment.

use chrono::{DateTime, Utc};

use crate::measure::{Measure, MeasureSet};

/// The market numbers of one coin in one currency at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The symbol sent as `convert`, e.g. `USD`.
    pub currency: String,
    /// The numbers, indexed by [`Measure`]; all finite. `None` when null or missing, see `missing`.
    pub numbers: [Option<f64>; Measure::COUNT],
    /// The measures whose field the API did not send at all (as opposed to null).
    pub missing: MeasureSet,
    /// When CoinMarketCap last changed this quote; whole milliseconds.
    pub last_updated: DateTime<Utc>,
}

impl Quote {
    /// The number for `measure`.
    pub fn get(&self, measure: Measure) -> Option<f64> {
        self.numbers[measure as usize]
    }

    /// What the history keeps of it.
    #[must_use]
    pub fn kept_in_history(mut self) -> Self {
        for measure in Measure::ALL.into_iter().filter(|measure| !measure.is_in_history()) {
            self.numbers[measure as usize] = None;
        }
        self.missing = self.missing.iter().filter(|measure| measure.is_in_history()).collect();
        self
    }

    /// Whether all numbers are those of `other`, bit for bit, and the same ones were not sent.
    pub fn has_numbers_of(&self, other: &Self) -> bool {
        let bits = |quote: &Self| quote.numbers.map(|number| number.map(f64::to_bits));
        self.missing == other.missing && bits(self) == bits(other)
    }
}

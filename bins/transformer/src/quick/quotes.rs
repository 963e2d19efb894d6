//! The quotes of a coin: an array (v3), or a map by currency (v1).

use domain::{Measure, MeasureSet};

use super::instant;
use super::names::{Names, QUOTE, QuoteField, once};
use crate::frame::QuoteNumbers;
use crate::scan::Scan;

/// Numbers as they were sent; zero, null and missing are three things.
#[derive(Clone, Copy, Default)]
pub(crate) struct Numbers {
    values: [Option<f64>; Measure::COUNT],
    sent: MeasureSet,
}

impl Numbers {
    /// Takes the number of `measure`.
    pub(super) fn read(&mut self, scan: &mut Scan, measure: Measure) -> Option<()> {
        self.values[measure as usize] = scan.nullable(Scan::number)?;
        self.sent.insert(measure);
        Some(())
    }
}

/// A quote, but what its coin says for all of them.
#[derive(Clone, Copy)]
struct Quote {
    numbers: Numbers,
    last_updated: i64,
}

/// The quotes of one coin.
pub(super) struct Quotes<'a, 'c> {
    convert: &'c [String],
    names: Names<'a, QuoteField>,
    /// One for each currency.
    found: Vec<Option<Quote>>,
}

impl<'a, 'c> Quotes<'a, 'c> {
    /// Quotes in the currencies of `convert`; `None` when there is none, or one is there twice.
    pub(super) fn new(convert: &'c [String]) -> Option<Self> {
        let distinct: std::collections::HashSet<_> = convert.iter().collect();
        (distinct.len() == convert.len() && !convert.is_empty()).then(|| Self {
            convert,
            names: Names::new(&QUOTE),
            found: vec![None; convert.len()],
        })
    }

    /// Forgets those of the last coin.
    pub(super) fn clear(&mut self) {
        self.found.fill(None);
    }

    /// Whether there is one in each currency.
    pub(super) fn are_all_there(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    /// One for each currency, with the numbers that the coin has for all of them.
    pub(super) fn with(&self, of_coin: &Numbers) -> impl Iterator<Item = QuoteNumbers> {
        self.found.iter().flatten().map(|Quote { numbers, last_updated }| QuoteNumbers {
            numbers: std::array::from_fn(|at| numbers.values[at].or(of_coin.values[at])),
            missing: MeasureSet::from_bits(!(numbers.sent.bits() | of_coin.sent.bits())),
            last_updated: *last_updated,
        })
    }

    /// Takes the quotes, in either shape.
    pub(super) fn read(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        let Self { convert, names, found } = self;
        let place_of = |currency| convert.iter().position(|it| it == currency);
        if scan.peek() == Some(b'[') {
            return scan.array(|scan| {
                let (symbol, quote) = read_quote(scan, names)?;
                // Of several in one currency the first counts.
                if let Some(found @ None) = place_of(symbol?).and_then(|at| found.get_mut(at)) {
                    *found = Some(quote);
                }
                Some(())
            });
        }
        scan.object(|scan, _, currency| {
            let Some(found) = place_of(currency).and_then(|at| found.get_mut(at)) else { return scan.skip() };
            // Of several in one currency the last would count.
            if found.is_some() {
                return None;
            }
            *found = Some(read_quote(scan, names)?.1);
            Some(())
        })
    }
}

fn read_quote<'a>(
    scan: &mut Scan<'a>,
    names: &mut Names<'a, QuoteField>,
) -> Option<(Option<&'a str>, Quote)> {
    let (mut symbol, mut last_updated) = (None, None);
    let mut numbers = Numbers::default();
    let mut seen = 0;
    scan.object(|scan, place, name| {
        let Some((bit, field)) = names.find(place, name) else { return scan.skip() };
        once(&mut seen, bit)?;
        match field {
            QuoteField::Symbol => symbol = Some(scan.text()?),
            QuoteField::LastUpdated => last_updated = Some(instant::millis(scan.text()?)?),
            QuoteField::Measure(measure) => numbers.read(scan, measure)?,
        }
        Some(())
    })?;
    Some((symbol, Quote { numbers, last_updated: last_updated? }))
}

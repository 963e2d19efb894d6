//! A quote with all that is hard to write, for the tests of each format.

use domain::{BatchId, Measure, MeasureSet, Quote, timestamp};
use ports::store::PastQuote;

pub(super) fn quote() -> PastQuote {
    let at = timestamp::from_text("2026-11-22T14:00:00.123Z").unwrap();
    let mut numbers = [None; Measure::COUNT];
    numbers[Measure::Price as usize] = Some(0.1 + 0.2);
    numbers[Measure::Volume24h as usize] = Some(5e-324);
    numbers[Measure::MarketCap as usize] = Some(f64::MAX);
    numbers[Measure::CirculatingSupply as usize] = Some(9_007_199_254_740_993.0);
    numbers[Measure::CmcRank as usize] = Some(f64::from(u32::MAX));
    numbers[Measure::PercentChange1h as usize] = Some(-0.0);
    let missing = MeasureSet::from_iter([Measure::MaxSupply, Measure::NumMarketPairs]);
    let quote = Quote { currency: "a\"b,\nc".to_owned(), numbers, missing, last_updated: at };
    let batch = BatchId::from_stored("2026-11-22T14:00:00Z/listings/USD,EUR");
    PastQuote { coin_id: 1, quote, fetched_at: at, batch }
}

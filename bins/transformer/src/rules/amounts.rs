//! Checks of single numbers.

use domain::{Kind, Measure, MeasureSet};
use polars::prelude::{BooleanChunked, ChunkCompareIneq, DataFrame, PolarsResult};

use super::apply::Limits;
use crate::marks::Finding;
use crate::schema::{self, MISSING};

/// The price may be null, when CoinMarketCap does not know it, but its field must be there.
pub(super) fn price_missing(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    let no_price = |bits| MeasureSet::from_bits(bits).contains(Measure::Price);
    let rows = schema::whole(frame, MISSING)?.iter().map(|bits| bits.is_some_and(no_price)).collect();
    Ok(vec![Finding { column: Measure::Price.column(), rows, because: "not sent" }])
}

/// A price is not negative. 0 is real: dead coins have it.
pub(super) fn price_negative(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    Ok(vec![negative(frame, Measure::Price)?])
}

/// Volumes, market capitalisations and supplies are not negative.
pub(super) fn negative_amount(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    of_kinds(&[Kind::Money, Kind::Supply]).map(|measure| negative(frame, measure)).collect()
}

/// Counts and ranks are whole and fit 32 bits.
pub(super) fn bad_count(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    let is_count = |number: f64| (0.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0;
    let check = |measure: Measure| {
        let numbers = schema::numbers(frame, measure)?;
        let rows: BooleanChunked =
            numbers.iter().map(|number| number.is_some_and(|it| !is_count(it))).collect();
        let because = "not a whole number from 0 to 4294967295";
        Ok(Finding { column: measure.column(), rows, because })
    };
    of_kinds(&[Kind::Count]).map(check).collect()
}

fn negative(frame: &DataFrame, measure: Measure) -> PolarsResult<Finding> {
    let rows = schema::numbers(frame, measure)?.lt(0.0);
    Ok(Finding { column: measure.column(), rows, because: "less than zero" })
}

pub(super) fn of_kinds(kinds: &[Kind]) -> impl Iterator<Item = Measure> {
    Measure::ALL.into_iter().filter(|measure| kinds.contains(&measure.kind()))
}

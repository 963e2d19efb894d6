//! Changes of numbers. Prices and supplies are not among them: prices run from 5e-18 to 1e6 and supplies
//! beyond 2^53, so any fixed precision would damage some.

use domain::{Kind, Measure};
use polars::prelude::{
    ChunkApply, Column, DataFrame, IntoColumn, PolarsResult, RoundMode, RoundSeries, Series,
};

use super::amounts::of_kinds;

/// Significant digits of money: what a double always keeps.
const MONEY_DIGITS: i32 = 15;

/// Decimals of percentages.
const PERCENT_DECIMALS: u32 = 2;

/// Percentages to two decimals, halves to the even neighbour: rounding all halves up would shift averages.
pub(super) fn round_percentages(frame: &mut DataFrame) -> PolarsResult<()> {
    rewrite(frame, of_kinds(&[Kind::Percent]), percentages)
}

fn percentages(numbers: &Series) -> PolarsResult<Series> {
    numbers.round(PERCENT_DECIMALS, RoundMode::HalfToEven)
}

/// Volumes and market capitalisations to 15 significant digits. Halves go away from zero: nobody measures that far.
pub(super) fn round_money(frame: &mut DataFrame) -> PolarsResult<()> {
    rewrite(frame, of_kinds(&[Kind::Money]), amounts)
}

fn amounts(numbers: &Series) -> PolarsResult<Series> {
    numbers.round_sig_figs(MONEY_DIGITS)
}

/// One percentage, rounded as those of quotes.
pub(crate) fn round_percentage(number: f64) -> PolarsResult<f64> {
    round_one(number, percentages)
}

/// One amount of money, rounded as those of quotes.
pub(crate) fn round_amount(number: f64) -> PolarsResult<f64> {
    round_one(number, amounts)
}

fn round_one(number: f64, change: fn(&Series) -> PolarsResult<Series>) -> PolarsResult<f64> {
    let one = Column::new("number".into(), vec![number]);
    let rounded = change(one.as_materialized_series())?;
    let rounded = rounded.f64()?.get(0);
    Ok(rounded.unwrap_or(number) + 0.0)
}

/// Zero has no sign: `-0.0`, sent or the result of rounding, is written `0`. Last, because rounding makes them.
pub(super) fn unsign_zero(frame: &mut DataFrame) -> PolarsResult<()> {
    rewrite(frame, Measure::ALL.into_iter(), |numbers| {
        let unsigned = numbers.f64()?.apply_values(|number| if number == 0.0 { 0.0 } else { number });
        Ok(Series::from(unsigned))
    })
}

fn rewrite(
    frame: &mut DataFrame,
    measures: impl Iterator<Item = Measure>,
    change: fn(&Series) -> PolarsResult<Series>,
) -> PolarsResult<()> {
    for measure in measures {
        let changed = change(frame.column(measure.column())?.as_materialized_series())?;
        frame.with_column(changed.into_column())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The frame's columns: every name and type, declared once.
//!
//! One row is one coin in one currency. Texts stay outside, in the coins that were read; `POSITION`
//! refers back to them.

use domain::Measure;
use polars::prelude::{
    DataFrame, DataType, Field, Float64Chunked, Int64Chunked, PolarsResult, Schema, UInt32Chunked,
    polars_ensure,
};

/// Which of the readable coins, from 0.
pub(crate) const POSITION: &str = "position";
/// Which of the requested currencies, from 0.
pub(crate) const CURRENCY: &str = "currency";
/// CoinMarketCap's id.
pub(crate) const ID: &str = "id";
/// When the quote changed, in milliseconds since 1970.
pub(crate) const LAST_UPDATED: &str = "last_updated";
/// The measures that were not sent, as the bits of a `MeasureSet`.
pub(crate) const MISSING: &str = "missing";
/// The number of the rule that rejected the row, or null: its place in `rules::CHECKS`.
pub(crate) const REJECTED_BY: &str = "rejected_by";
/// Why it was rejected, or null.
pub(crate) const REASON: &str = "reason";

/// All columns. The measures are named as in the API and in the tables, and null when null or missing.
fn declared() -> Schema {
    let identity = [
        (POSITION, DataType::UInt32),
        (CURRENCY, DataType::UInt32),
        (ID, DataType::UInt32),
        (LAST_UPDATED, DataType::Int64),
        (MISSING, DataType::UInt32),
    ];
    let measures = Measure::ALL.map(|measure| (measure.column(), DataType::Float64));
    let marks = [(REJECTED_BY, DataType::UInt32), (REASON, DataType::String)];
    let columns = identity.into_iter().chain(measures).chain(marks);
    columns.map(|(name, dtype)| Field::new(name.into(), dtype)).collect()
}

/// Fails when `frame` has other columns than declared: a rule may change values, never the shape.
pub(crate) fn check(frame: &DataFrame) -> PolarsResult<()> {
    polars_ensure!(**frame.schema() == declared(), SchemaMismatch: "the frame is not as declared: {:?}", frame.schema());
    Ok(())
}

/// The numbers of `measure`.
pub(crate) fn numbers(frame: &DataFrame, measure: Measure) -> PolarsResult<&Float64Chunked> {
    frame.column(measure.column())?.f64()
}

/// A column of small whole numbers.
pub(crate) fn whole<'a>(frame: &'a DataFrame, name: &str) -> PolarsResult<&'a UInt32Chunked> {
    frame.column(name)?.u32()
}

/// When each row's quote changed.
pub(crate) fn last_updated(frame: &DataFrame) -> PolarsResult<&Int64Chunked> {
    frame.column(LAST_UPDATED)?.i64()
}

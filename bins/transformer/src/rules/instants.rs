//! Checks of `last_updated`. It orders the quotes of a coin, so a wrong one does lasting harm: a quote
//! from the future would hide every later one.

use polars::prelude::{ChunkCompareIneq, DataFrame, PolarsResult};

use super::apply::Limits;
use crate::marks::Finding;
use crate::schema::{self, LAST_UPDATED};

/// 2009-01-03T00:00:00Z, the day of Bitcoin's first block.
pub(crate) const FIRST_BLOCK_DAY_MILLIS: i64 = 1_230_940_800_000;

/// A quote is at most ten minutes ahead of the clock.
pub(super) fn in_the_future(frame: &DataFrame, limits: &Limits) -> PolarsResult<Vec<Finding>> {
    let rows = schema::last_updated(frame)?.gt(limits.latest.timestamp_millis());
    Ok(vec![Finding { column: LAST_UPDATED, rows, because: "more than 10 minutes ahead of the clock" }])
}

/// No coin was traded before there was one; such instants are zeros and overflows.
pub(super) fn before_bitcoin(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    let rows = schema::last_updated(frame)?.lt(FIRST_BLOCK_DAY_MILLIS);
    Ok(vec![Finding { column: LAST_UPDATED, rows, because: "earlier than the first block of Bitcoin" }])
}

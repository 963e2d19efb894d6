//! One coin, one row: ids that a page holds more than once.

use std::collections::HashMap;

use polars::prelude::{DataFrame, PolarsResult};

use super::apply::Limits;
use crate::marks::{Finding, passing};
use crate::schema::{self, ID, POSITION};

/// Of the coins with one id that passed every other check, the one with the newest quote stays; of
/// equally new ones, the first. Only passing coins compete, so that a broken copy never costs the good one.
pub(super) fn duplicate_id(frame: &DataFrame, _: &Limits) -> PolarsResult<Vec<Finding>> {
    let passing = passing(frame)?;
    let (ids, positions) = (schema::whole(frame, ID)?, schema::whole(frame, POSITION)?);
    let keys = || ids.iter().zip(positions.iter());
    let mut newest: HashMap<_, (Option<i64>, Option<u32>)> = HashMap::with_capacity(frame.height());
    for (((id, position), at), passes) in keys().zip(schema::last_updated(frame)?.iter()).zip(&passing) {
        let entry = newest.entry(id).or_default();
        if *passes && at > entry.0 {
            *entry = (at, position);
        }
    }
    let beaten = |(id, position)| newest.get(&id).is_some_and(|(_, winner)| *winner != position);
    let rows = keys().zip(&passing).map(|(key, passes)| *passes && beaten(key)).collect();
    Ok(vec![Finding { column: ID, rows, because: "sent more than once; the coin updated last was kept" }])
}

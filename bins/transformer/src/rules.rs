//! The cleaning rules, in the order they are applied. What each does is told where it is defined.

mod amounts;
mod apply;
mod duplicates;
mod instants;
mod rounding;

use apply::{Change, Check};
pub(crate) use apply::{Limits, apply};
pub(crate) use instants::FIRST_BLOCK_DAY_MILLIS;
pub(crate) use rounding::{round_amount, round_percentage};

/// Checks mark rows; one marked row rejects its coin, and the first rule that marks it is named.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("price_missing", amounts::price_missing),
    ("price_negative", amounts::price_negative),
    ("negative_amount", amounts::negative_amount),
    ("bad_count", amounts::bad_count),
    ("in_the_future", instants::in_the_future),
    ("before_bitcoin", instants::before_bitcoin),
    ("duplicate_id", duplicates::duplicate_id),
];

/// Changes rewrite the numbers of all rows.
const CHANGES: &[(&str, Change)] = &[
    ("round_percentages", rounding::round_percentages),
    ("round_money", rounding::round_money),
    ("unsign_zero", rounding::unsign_zero),
];

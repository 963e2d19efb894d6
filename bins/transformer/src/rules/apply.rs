//! Applies the list of rules to a frame.

use chrono::{DateTime, TimeDelta, Utc};
use domain::PageMeta;
use polars::prelude::{DataFrame, PolarsResult};
use tracing::trace;

use super::{CHANGES, CHECKS};
use crate::marks::{Finding, mark};

/// A rule that finds rows to reject.
pub(super) type Check = fn(&DataFrame, &Limits) -> PolarsResult<Vec<Finding>>;

/// A rule that rewrites columns.
pub(super) type Change = fn(&mut DataFrame) -> PolarsResult<()>;

/// What the checks compare with, other than the frame itself.
pub(crate) struct Limits {
    /// The latest credible `last_updated`.
    pub(crate) latest: DateTime<Utc>,
    /// The requested currencies, by their number in the frame.
    currencies: Vec<String>,
}

impl Limits {
    /// How far the API's clock may be ahead of ours.
    const AHEAD: TimeDelta = TimeDelta::minutes(10);

    /// The limits for a page that is cleaned at `now`. A machine whose clock is behind the fetcher's
    /// must not reject everything, so the later of both counts.
    pub(crate) fn new(meta: &PageMeta, now: DateTime<Utc>) -> Self {
        let latest = now.max(meta.fetched_at);
        let latest = latest.checked_add_signed(Self::AHEAD).unwrap_or(latest);
        Self { latest, currencies: meta.currencies().to_vec() }
    }
}

/// Applies every rule, in order.
pub(crate) fn apply(frame: &mut DataFrame, limits: &Limits) -> PolarsResult<()> {
    for (number, (name, check)) in (0..).zip(CHECKS) {
        trace!(rule = name, "check");
        mark(frame, number, &check(frame, limits)?, &limits.currencies)?;
    }
    for (name, change) in CHANGES {
        trace!(rule = name, "change");
        change(frame)?;
    }
    Ok(())
}

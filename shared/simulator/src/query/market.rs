//! The query parameters of what there is beside the listings.

use domain::{MarketKind, Shape};

use super::{MAX_LIMIT, converts, number, one_of, slice};
use crate::currency::{Currency, by_symbol};
use crate::errors::ApiError;
use crate::key::KEY_PARAMETER;

/// Parameters of the real API that would change the answer and are not simulated.
const NOT_SIMULATED: [&str; 3] = ["symbol", "aux", "convert_id"];

/// A valid request.
#[derive(Clone, Debug)]
pub(crate) struct MarketQuery {
    /// The first row, counted from 1.
    pub(crate) start: usize,
    pub(crate) limit: usize,
    /// Whether active coins are asked for, and whether inactive ones are.
    pub(crate) active: bool,
    pub(crate) inactive: bool,
    pub(crate) by_id: bool,
    pub(crate) converts: Vec<&'static Currency>,
}

impl MarketQuery {
    /// Checks the parameters. The error is the 400 that the API would answer.
    pub(crate) fn parse(kind: MarketKind, parameters: &[(String, String)]) -> Result<Self, ApiError> {
        let shape = kind.description().shape;
        let is_list = matches!(shape, Shape::List { .. });
        let mut query = Self {
            start: 1,
            limit: if is_list { MAX_LIMIT } else { 1 },
            active: true,
            inactive: false,
            by_id: true,
            converts: by_symbol("USD").into_iter().collect(),
        };
        for (name, value) in parameters {
            match name.as_str() {
                "start" if is_list => query.start = number("start", value, usize::MAX)?,
                "limit" if is_list => query.limit = number("limit", value, MAX_LIMIT)?,
                "sort" if is_list => {
                    query.by_id = one_of("sort", value, &[("id", true), ("cmc_rank", false)])?;
                }
                "listing_status" if is_list => (query.active, query.inactive) = statuses(value)?,
                "convert" if shape == Shape::ObjectPerCurrency => query.converts = converts(value)?,
                KEY_PARAMETER => {}
                unknown => {
                    let is_known = NOT_SIMULATED.contains(&unknown);
                    let why = if is_known { "is not supported by the simulator" } else { "is not allowed" };
                    return Err(ApiError::bad_request(format!("\"{unknown}\" {why}")));
                }
            }
        }
        Ok(query)
    }

    /// The part of `all` that `start` and `limit` ask for: short at the end, empty beyond it.
    pub(crate) fn slice<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        slice(all, self.start, self.limit)
    }
}

/// Whether a list of statuses has active coins in it, and inactive ones.
fn statuses(value: &str) -> Result<(bool, bool), ApiError> {
    let choices = [("active", (true, false)), ("inactive", (false, true)), ("untracked", (false, false))];
    let mut asked = (false, false);
    for status in value.split(',') {
        let (active, inactive) = one_of("listing_status", status, &choices)?;
        asked = (asked.0 || active, asked.1 || inactive);
    }
    Ok(asked)
}

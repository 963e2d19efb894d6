//! The optional fields of a row: what `aux` may name.

use crate::errors::ApiError;

/// The fields that `aux` may name. The first eight are the default.
const FIELDS: [&str; 15] = [
    "num_market_pairs",
    "cmc_rank",
    "date_added",
    "tags",
    "platform",
    "max_supply",
    "circulating_supply",
    "total_supply",
    "market_cap_by_total_supply",
    "volume_24h_reported",
    "volume_7d",
    "volume_7d_reported",
    "volume_30d",
    "volume_30d_reported",
    "is_market_cap_included_in_calc",
];
/// How many of them a row has when nobody asks for others.
const DEFAULT: usize = 8;

/// The optional fields that a row should have.
#[derive(Clone, Debug)]
pub(crate) struct Aux(Vec<&'static str>);

impl Aux {
    /// The fields that `text` names, separated by commas.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let known = |field: &str| FIELDS.iter().find(|known| **known == field).copied();
        let fields = text.split(',').filter(|field| !field.is_empty());
        let fields: Result<Vec<_>, _> = fields
            .map(|field| {
                known(field)
                    .ok_or_else(|| ApiError::bad_request(format!("Invalid value for \"aux\": \"{field}\"")))
            })
            .collect();
        Ok(Self(fields?))
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains(&field)
    }
}

impl Default for Aux {
    fn default() -> Self {
        Self(FIELDS[..DEFAULT].to_vec())
    }
}

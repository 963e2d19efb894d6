//! Writing silences.

use chrono::{DateTime, Utc};
use ports::Silence;

use super::Parameter;
use crate::columns::SILENCES;

/// Makes a silence in the place of the group's earlier one: [`values`].
pub fn replace() -> String {
    super::insert("silences", &SILENCES).replacen("INSERT", "REPLACE", 1)
}

/// For [`replace`].
pub fn values(silence: &Silence) -> [Parameter<'_>; SILENCES.len()] {
    [
        silence.fingerprint.as_str().into(),
        silence.until.into(),
        silence.why.as_str().into(),
        silence.by.as_str().into(),
        silence.at.into(),
    ]
}

/// Ends a silence that lasts: [`end_values`].
pub const END: &str = "UPDATE silences SET until_at = ? WHERE fingerprint = ? AND until_at > ?";

/// For [`END`].
pub fn end_values(fingerprint: &str, now: DateTime<Utc>) -> [Parameter<'_>; 3] {
    [now.into(), fingerprint.into(), now.into()]
}

//! Writing silences.

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

/// Takes a silence away; binds the fingerprint.
pub const DELETE: &str = "DELETE FROM silences WHERE fingerprint = ?";

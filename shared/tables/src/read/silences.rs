//! Reading silences.

use ports::Silence;

use crate::columns::SILENCES;
use crate::row::{Row, Unreadable};

/// The silences that end after an instant, for [`silence`]; binds it.
pub fn silences() -> String {
    format!("SELECT {} FROM silences WHERE until_at > ? ORDER BY fingerprint", SILENCES.join(", "))
}

/// A row of `silences`.
pub fn silence(row: &dyn Row) -> Result<Silence, Unreadable> {
    Ok(Silence {
        fingerprint: row.get("fingerprint")?,
        until: row.get("until_at")?,
        why: row.get("why")?,
        by: row.get("made_by")?,
        at: row.get("made_at")?,
    })
}

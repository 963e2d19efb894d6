//! What the fetcher on this machine waits for: a note beside its spool, which it writes and everybody reads who tells people how all is.

use std::path::Path;

use chrono::{DateTime, Utc};
use domain::timestamp;
use serde::{Deserialize, Serialize};

/// The name of the note in the folder of the spool.
pub const WAITING: &str = "waiting.json";

/// Why nothing is fetched now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Stable word for machines: `api_1009`, `http_403`, `timeout`.
    pub code: String,
    /// What happened, for people.
    pub reason: String,
    /// Since when it has been like this.
    pub since: DateTime<Utc>,
    /// When it is tried again.
    pub until: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct File {
    code: String,
    reason: String,
    since: String,
    until: String,
}

impl Waiting {
    /// As the file has it.
    pub fn to_json(&self) -> Vec<u8> {
        let Self { code, reason, since, until } = self.clone();
        let (since, until) = (timestamp::to_text(since), timestamp::to_text(until));
        serde_json::to_vec(&File { code, reason, since, until }).unwrap_or_default()
    }

    fn from_json(json: &[u8]) -> Option<Self> {
        let File { code, reason, since, until } = serde_json::from_slice(json).ok()?;
        let (since, until) = (timestamp::from_text(&since)?, timestamp::from_text(&until)?);
        Some(Self { code, reason, since, until })
    }
}

/// What the fetcher whose spool is in the folder `spool` waits for at `now`, if it says so. Another machine's spool is not seen.
pub fn waiting(spool: &Path, now: DateTime<Utc>) -> Option<Waiting> {
    let noted = Waiting::from_json(&std::fs::read(spool.join(WAITING)).ok()?)?;
    // One that is over is of a fetcher that died.
    (noted.until > now).then_some(noted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    #[test]
    fn what_is_no_note_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let now = instant("2026-11-22T14:00:00Z");
        assert_eq!(waiting(dir.path(), now), None);
        for text in ["", "{}", r#"{"code":"x","reason":"x","since":"soon","until":"9999-01-01T00:00:00Z"}"#] {
            std::fs::write(dir.path().join(WAITING), text).unwrap();
            assert_eq!(waiting(dir.path(), now), None, "{text}");
        }
    }
}

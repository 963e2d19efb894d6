//! Recordings as successive snapshots.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::ApiVersion;

use crate::recording::Recording;

/// Recordings as successive snapshots. Each endpoint version walks through those of its own shape.
#[derive(Debug)]
pub(crate) struct Playlist {
    recordings: Vec<Recording>,
    /// How many snapshots each version has begun.
    begun: Mutex<HashMap<ApiVersion, usize>>,
}

impl Playlist {
    /// `None` when there is nothing to play.
    pub(crate) fn new(recordings: Vec<Recording>) -> Option<Self> {
        (!recordings.is_empty()).then(|| Self { recordings, begun: Mutex::default() })
    }

    /// The snapshot that a call with this `start` gets. A first page gets the next one, and the last one for
    /// ever after; a later page gets the one whose first page was served last. `still` keeps to that one too.
    pub(crate) fn current(&self, version: ApiVersion, start: usize, still: bool) -> Option<&Recording> {
        let own: Vec<&Recording> = self
            .recordings
            .iter()
            .filter(|recording| recording.version().is_none_or(|own| own == version))
            .collect();
        let begun = self.begun(version);
        let next = if start == 1 && !still { begun } else { begun.saturating_sub(1) };
        own.get(next).or(own.last()).copied()
    }

    /// Notes that a first page of `version` was served whole.
    pub(crate) fn advance(&self, version: ApiVersion) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun.entry(version).or_default() += 1;
    }

    fn begun(&self, version: ApiVersion) -> usize {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(&version).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::ListingQuery;

    /// A recording of so many coins.
    fn recording(coins: usize) -> Recording {
        let row = r#"{"id": 1, "quote": {"USD": {"price": 1.50e-07}}}"#;
        Recording::parse(format!(r#"{{"data": [{}]}}"#, vec![row; coins].join(", ")).as_bytes()).unwrap()
    }

    #[test]
    fn each_first_page_begins_the_next_snapshot_and_the_last_one_repeats() {
        let playlist = Playlist::new(vec![recording(1), recording(2)]).unwrap();
        let total = |start, still| {
            playlist
                .current(ApiVersion::V1, start, still)
                .unwrap()
                .page(&ListingQuery::parse(&[]).unwrap(), &[])
                .total_count
                .unwrap()
        };
        assert_eq!(total(1, false), 1);
        playlist.advance(ApiVersion::V1);
        assert_eq!(total(2, false), 1, "a second page belongs to the snapshot of the first");
        assert_eq!(total(1, true), 1, "frozen");
        assert_eq!(total(1, false), 2);
        playlist.advance(ApiVersion::V1);
        playlist.advance(ApiVersion::V1);
        assert_eq!(total(1, false), 2);
        assert_eq!(total(9, false), 2);
        assert!(playlist.current(ApiVersion::V3, 1, false).is_none());
    }
}

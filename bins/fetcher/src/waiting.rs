//! What the fetcher waits for, and until when: kept beside the spool, where `coinpipe status` reads it without asking anybody,
//! and in a metric. It is a note, not a promise: a disk that does not take it changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use service::Waiting;
use tracing::debug;

use crate::metrics::FetchMetrics;
use crate::spool::{Spool, blocking};

/// Keeps the note.
pub(crate) struct WaitNote {
    spool: Arc<Spool>,
    metrics: FetchMetrics,
    noted: Mutex<Noted>,
}

/// What the disk holds.
enum Noted {
    /// Perhaps a note of an earlier run.
    Unknown,
    Nothing,
    Waiting(Waiting),
}

impl WaitNote {
    pub(crate) fn new(spool: Arc<Spool>, metrics: FetchMetrics) -> Self {
        Self { spool, metrics, noted: Mutex::new(Noted::Unknown) }
    }

    /// From `now` on it is waited until `until`, because of `code`. What has lasted keeps its beginning.
    pub(crate) async fn begin(&self, code: &str, reason: &str, now: DateTime<Utc>, until: DateTime<Utc>) {
        self.metrics.waiting_until(Some(until));
        let since = match &*self.noted.lock().unwrap_or_else(PoisonError::into_inner) {
            Noted::Waiting(before) if before.code == code => before.since,
            _ => now,
        };
        let waiting = Waiting { code: code.to_owned(), reason: reason.to_owned(), since, until };
        let json = waiting.to_json();
        if let Err(error) = blocking(&self.spool, move |spool| spool.put_waiting(&json)).await {
            debug!("cannot note what is waited for: {}", telemetry::error_chain(&error));
        }
        self.set(Noted::Waiting(waiting));
    }

    /// It is not waited any more.
    pub(crate) async fn end(&self) {
        self.metrics.waiting_until(None);
        if matches!(*self.noted.lock().unwrap_or_else(PoisonError::into_inner), Noted::Nothing) {
            return;
        }
        match blocking(&self.spool, Spool::remove_waiting).await {
            Ok(()) => self.set(Noted::Nothing),
            Err(error) => debug!("cannot remove a note: {}", telemetry::error_chain(&error)),
        }
    }

    fn set(&self, noted: Noted) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }
}

#[cfg(test)]
mod tests {
    use domain::timestamp;
    use service::{WAITING, waiting};
    use telemetry::Metrics;

    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    #[tokio::test]
    async fn a_wait_is_told_while_it_lasts_with_when_it_began() {
        let dir = tempfile::tempdir().unwrap();
        let metrics = Metrics::default();
        let note = WaitNote::new(Arc::new(Spool::open(dir.path()).unwrap()), FetchMetrics::new(&metrics));
        let now = instant("2026-11-22T14:00:10Z");
        note.begin("api_1008", "limit", now, instant("2026-11-22T14:01:00Z")).await;
        note.begin("api_1008", "limit", instant("2026-11-22T14:01:00Z"), instant("2026-11-22T14:02:00Z"))
            .await;
        let seen = waiting(dir.path(), instant("2026-11-22T14:01:59Z")).unwrap();
        assert_eq!(
            (seen.code.as_str(), seen.since, seen.until),
            ("api_1008", now, instant("2026-11-22T14:02:00Z"))
        );
        let shown = "coinpipe_fetch_waiting_until_timestamp_seconds 1795356120.0";
        assert!(metrics.render().contains(shown), "{}", metrics.render());
        // Its fetcher died.
        assert_eq!(waiting(dir.path(), instant("2026-11-22T14:02:00Z")), None);
        note.begin("http_500", "busy", instant("2026-11-22T14:02:00Z"), instant("2026-11-22T14:03:00Z"))
            .await;
        let seen = waiting(dir.path(), instant("2026-11-22T14:02:00Z")).unwrap();
        assert_eq!(seen.since, instant("2026-11-22T14:02:00Z"));
        note.end().await;
        assert_eq!(waiting(dir.path(), instant("2026-11-22T14:02:00Z")), None);
        assert!(metrics.render().contains("coinpipe_fetch_waiting_until_timestamp_seconds NaN"));
        assert!(!dir.path().join(WAITING).exists());
    }
}

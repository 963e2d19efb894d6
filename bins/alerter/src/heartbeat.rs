//! The heartbeat: calls somebody's URL when a snapshot is whole in the tables, and the same with `/fail` behind it when one was
//! given up. Where the calls stay away, that somebody tells: also of what no process here can tell, such as its own end.
//!
//! As <https://healthchecks.io> takes it: a POST whose body is one line for people. Each alerter calls for itself, which is harmless.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use config::Secret;
use domain::endpoint::LISTINGS;
use domain::{Class, StageName, header, one_line};
use ports::store::{BatchRecord, LetterSummary};
use ports::{Clock, Ledger, Letters, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::http;
use crate::report::{REASON_CHARS, words};

/// How often the ledger and the desk are read.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// As many of the newest batches and letters are looked at.
const NEWEST: u32 = 50;

/// What became whole so long before the start was told by the process before this one.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// The codes of letters that are about a snapshot that will not be whole.
const LOST: [&str; 2] = ["slot_missed", "batch_incomplete"];

/// Tells somebody outside that snapshots come.
pub(crate) struct Heartbeat {
    http: reqwest::Client,
    url: Url,
    ledger: Arc<dyn Ledger>,
    letters: Arc<dyn Letters>,
    clock: Arc<dyn Clock>,
    told: Mutex<Told>,
}

/// What was told. A call that failed is made again.
struct Told {
    /// Until when snapshots that became whole were told.
    whole: DateTime<Utc>,
    /// Until when letters were told.
    failed: DateTime<Utc>,
    /// Whether the last call arrived; the first that does not is logged.
    is_heard: bool,
}

impl Heartbeat {
    pub(crate) fn new(
        url: &Secret,
        ledger: Arc<dyn Ledger>,
        letters: Arc<dyn Letters>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let wrong = |reason: String| anyhow!("alert.heartbeat_url: {reason}");
        let url = Url::parse(url.expose()).map_err(|error| wrong(format!("is not a URL: {error}")))?;
        let http = http::client(url.scheme() == "https", TIMEOUT).map_err(wrong)?;
        let now = clock.now();
        let told = Told { whole: now - LATE, failed: now, is_heard: true };
        Ok(Self { http, url, ledger, letters, clock, told: Mutex::new(told) })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Looks again and again until `stop`. While the store is away it waits: then no snapshot becomes whole.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "no heartbeat while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(), tell).await;
    }

    /// Makes the calls that are due, the older one first: who is called takes the last one for what is true.
    async fn look(&self) -> Result<(), StoreError> {
        let (since_whole, since_failed) = {
            let told = self.told();
            (told.whole, told.failed)
        };
        let batches = self.ledger.batches(NEWEST).await?;
        let whole =
            batches.iter().filter_map(whole).filter(|(at, _)| *at > since_whole).max_by_key(|(at, _)| *at);
        let letters = self.letters.letters(None, NEWEST).await?;
        let failed = letters.iter().find(|letter| letter.filed_at > since_failed && is_lost(letter));
        let failed = failed.map(|letter| (letter.filed_at, one_line(&letter.reason, REASON_CHARS)));
        let is_whole_last = whole.as_ref().map(|(at, _)| *at) >= failed.as_ref().map(|(at, _)| *at);
        if is_whole_last {
            self.tell_failed(failed).await;
            self.tell_whole(whole).await;
        } else {
            self.tell_whole(whole).await;
            self.tell_failed(failed).await;
        }
        Ok(())
    }

    async fn tell_whole(&self, whole: Option<(DateTime<Utc>, String)>) {
        let Some((at, text)) = whole else { return };
        if self.call(self.url.clone(), text).await {
            self.told().whole = at;
        }
    }

    async fn tell_failed(&self, failed: Option<(DateTime<Utc>, String)>) {
        let Some((at, text)) = failed else { return };
        let mut url = self.url.clone();
        url.set_path(&format!("{}/fail", self.url.path().trim_end_matches('/')));
        if self.call(url, text).await {
            self.told().failed = at;
        }
    }

    /// Whether the call arrived.
    async fn call(&self, url: Url, text: String) -> bool {
        let answer = self.http.post(url).body(text).send().await;
        let failure = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(http::explain(error)),
        };
        let was_heard = std::mem::replace(&mut self.told().is_heard, failure.is_none());
        match failure {
            None if was_heard => true,
            None => {
                info!(host = self.host(), "the heartbeat arrives again");
                true
            }
            Some(reason) => {
                if was_heard {
                    warn!(host = self.host(), reason, "the heartbeat does not arrive; it is tried again");
                }
                false
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a snapshot became whole, and a line about it. What fills a gap is older than the interval that somebody waits for.
fn whole(batch: &BatchRecord) -> Option<(DateTime<Utc>, String)> {
    let is_whole = batch.endpoint == LISTINGS
        && batch.fetched_at.is_some()
        && batch.dropped.is_none()
        && batch.is_complete()
        && !batch.lacks_coins();
    let loaded_at = batch.loaded_at.filter(|_| is_whole)?;
    let coins = words::counted(batch.coins_in, "coin");
    Some((loaded_at, format!("snapshot of {}: {coins}", words::instant(batch.slot.starts_at()))))
}

/// Whether `letter` is about a snapshot that was given up: not about a try that is followed by others, nor about what is fetched
/// beside the snapshots.
fn is_lost(letter: &LetterSummary) -> bool {
    let is_of_snapshots = matches!(letter.stage, Some(StageName::Fetcher | StageName::Alerter))
        && letter.class == Class::Incident
        && letter.headers.get(header::BATCH).is_none();
    let gave_up = letter.reason.strip_prefix("gave up slot ").and_then(|rest| rest.split_once(": "));
    let is_given_up = gave_up.is_some_and(|(slot, _)| !slot.contains(" of "));
    let is_of_kind = letter.id.as_str().contains("/map/") || letter.id.as_str().ends_with("/-");
    is_of_snapshots && (is_given_up || (LOST.contains(&letter.code.as_str()) && !is_of_kind))
}

#[cfg(test)]
mod tests;

//! The heartbeat: calls somebody's URL when a snapshot is whole in the tables, and the same with `/fail` behind it when one was
//! given up. Where the calls stay away, that somebody tells: also of what no process here can tell, such as its own end.
//!
//! As <https://healthchecks.io> takes it: a POST whose body is one line for people. Each alerter calls for itself, which is harmless.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use config::Secret;
use domain::{Class, Slot, StageName, header, one_line};
use ports::store::{BatchRecord, CLOCK_SKEW, DeskLetter, LetterSummary};
use ports::{Clock, Desk, LetterFilter, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::http;
use crate::newest::{Newest, is_of_snapshots};
use crate::report::{REASON_CHARS, words};

/// How often the ledger and the desk are read.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// So many letters are read at once.
const AT_ONCE: u32 = 50;

/// At the start, older snapshots are not looked for.
const OLDEST: TimeDelta = TimeDelta::days(31);

/// What was fetched so long before the start was told, as what was loaded before it was, by the process before this one.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// The codes of letters that are about a snapshot that will not be whole.
const LOST: [&str; 2] = ["slot_missed", "batch_incomplete"];

/// Tells somebody outside that snapshots come.
pub(crate) struct Heartbeat {
    http: reqwest::Client,
    url: Url,
    newest: Newest,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    /// What was loaded before is told by nobody: a process that starts again and again would call again and again.
    started_at: DateTime<Utc>,
    told: Mutex<Told>,
}

/// A client for the calls of `url`, and where they go.
fn connect(url: &Secret) -> anyhow::Result<(reqwest::Client, Url)> {
    let wrong = |reason: String| anyhow!("alert.heartbeat_url: {reason}");
    let url = Url::parse(url.expose()).map_err(|error| wrong(format!("is not a URL: {error}")))?;
    let http = http::client(url.scheme() == "https", TIMEOUT).map_err(wrong)?;
    Ok((http, url))
}

/// What is called, as one line for people. It is not called now: that would tell of a snapshot that there is not.
pub(crate) fn check(url: &Secret) -> anyhow::Result<String> {
    let (_, url) = connect(url)?;
    let host = url.host_str().unwrap_or_default();
    Ok(format!("{host} is called after each snapshot; whether it hears shows with the first"))
}

/// What was told. A call that failed is made again.
struct Told {
    /// The newest slot whose snapshot was whole and is told.
    slot: Option<Slot>,
    /// Until when letters were told.
    failed: DateTime<Utc>,
    /// Whether the last call arrived; the first that does not is logged.
    is_heard: bool,
}

impl Heartbeat {
    pub(crate) fn new(
        url: &Secret,
        newest: Newest,
        desk: Arc<dyn Desk>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let (http, url) = connect(url)?;
        let started_at = clock.now();
        let told = Told { slot: None, failed: started_at, is_heard: true };
        Ok(Self { http, url, newest, desk, clock, started_at, told: Mutex::new(told) })
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
        let whole = self.newly_whole().await?;
        let failed = self.newly_lost().await?;
        let failed = failed.map(|letter| (letter.filed_at, one_line(&letter.reason, REASON_CHARS)));
        let is_whole_last = whole.as_ref().map(|whole| whole.loaded_at) >= failed.as_ref().map(|(at, _)| *at);
        if is_whole_last {
            self.tell_failed(failed).await;
            self.tell_whole(whole).await;
        } else {
            self.tell_whole(whole).await;
            self.tell_failed(failed).await;
        }
        Ok(())
    }

    /// The newest letter about a snapshot that was given up, if it is not told, however many others came since.
    async fn newly_lost(&self) -> Result<Option<LetterSummary>, StoreError> {
        let (since, now) = (self.told().failed, self.clock.now());
        let filter =
            LetterFilter { class: Some(Class::Incident), since: Some(since), ..LetterFilter::default() };
        let mut after = None;
        loop {
            let page = self.desk.list(&filter, after.as_ref(), AT_ONCE).await?;
            after = page.last().map(DeskLetter::key);
            let is_last = page.len() < AT_ONCE as usize;
            let mut new =
                page.into_iter().map(|listed| listed.summary).filter(|letter| letter.filed_at > since);
            if let Some(lost) = new.find(is_lost) {
                return Ok(Some(lost));
            }
            if is_last {
                // They need not be read again. Another alerter's clock may be a little behind.
                let read = now - CLOCK_SKEW;
                let mut told = self.told();
                told.failed = told.failed.max(read);
                return Ok(None);
            }
        }
    }

    /// The newest snapshot that is whole, if it is not told. A replay, or what fills a gap, makes none of the newest slot.
    async fn newly_whole(&self) -> Result<Option<Whole>, StoreError> {
        let now = self.clock.now();
        let since = self.told().slot.map_or_else(|| now - OLDEST, Slot::starts_at);
        let Some(whole) = self.newest.find((since, now), is_of_snapshots, whole).await? else {
            return Ok(None);
        };
        let mut told = self.told();
        let is_of_before = whole.loaded_at <= self.started_at || now - whole.fetched_at > LATE;
        if told.slot.is_none() && is_of_before {
            told.slot = Some(whole.slot);
        }
        Ok((told.slot < Some(whole.slot)).then_some(whole))
    }

    async fn tell_whole(&self, whole: Option<Whole>) {
        let Some(Whole { slot, text, .. }) = whole else { return };
        if self.call(self.url.clone(), text).await {
            self.told().slot = Some(slot);
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

/// A snapshot that is whole in the tables.
struct Whole {
    slot: Slot,
    fetched_at: DateTime<Utc>,
    loaded_at: DateTime<Utc>,
    /// A line about it.
    text: String,
}

fn whole(batch: &BatchRecord) -> Option<Whole> {
    let is_whole = batch.dropped.is_none() && batch.is_complete() && !batch.lacks_coins();
    let (loaded_at, fetched_at) = batch.loaded_at.filter(|_| is_whole).zip(batch.fetched_at)?;
    let coins = words::counted(batch.coins_in, "coin");
    let text = format!("snapshot of {}: {coins}", words::instant(batch.slot.starts_at()));
    Some(Whole { slot: batch.slot, fetched_at, loaded_at, text })
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

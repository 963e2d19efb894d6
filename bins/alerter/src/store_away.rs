//! Says that the store is away: the one thing that cannot be filed in it. Nothing is kept: what is known is what this process saw.

mod text;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outage::Growth;
use ports::{Clock, Letters};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::transport::Transports;

/// How often it is looked for, and a mail that could not be sent is tried.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// A restart of the database is over by then.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// A store that comes and goes is told of once in this time.
const NEXT_AFTER: TimeDelta = TimeDelta::hours(1);

/// How often it is said again of one that stays away.
const AGAIN_AFTER: TimeDelta = TimeDelta::hours(4);

/// The longest wait before a mail is tried again.
const LONGEST_RETRY: Duration = Duration::from_mins(15);

/// Looks whether letters can be filed, and mails from memory when they cannot.
///
/// Several alerters that lose the store each say so: they have nothing in common but it. Mails about outages that they noticed within
/// the same hour have the same Message-ID, by which many mail servers show one of them.
pub(crate) struct StoreAway {
    letters: Arc<dyn Letters>,
    transports: Transports,
    clock: Arc<dyn Clock>,
    /// Where the store is, for people.
    place: String,
    memory: Mutex<Memory>,
}

/// What this process saw and said.
#[derive(Default)]
struct Memory {
    outage: Option<Outage>,
    /// When it last said that the store is away.
    told_at: Option<DateTime<Utc>>,
}

/// What this process saw of the outage that goes on, or whose end nobody was told.
#[derive(Clone, Debug)]
struct Outage {
    since: DateTime<Utc>,
    reason: String,
    /// Mails sent.
    told: u32,
    /// Attempts that failed since one was sent, and when the next is due.
    failures: u32,
    next_try_at: Option<DateTime<Utc>>,
    /// When it was over.
    ended_at: Option<DateTime<Utc>>,
}

impl StoreAway {
    pub(crate) fn new(
        letters: Arc<dyn Letters>,
        transports: Transports,
        clock: Arc<dyn Clock>,
        place: String,
    ) -> Self {
        Self { letters, transports, clock, place, memory: Mutex::default() }
    }

    /// Looks again and again until `stop`.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Looks once, and sends the mail that is due.
    async fn look(&self) {
        let ready = self.letters.ready_to_file().await;
        let now = self.clock.now();
        let due = self.memory().note(ready.err().map(|error| error.to_string()), now);
        let Some(due) = due else { return };
        if due.next_try_at.is_some_and(|at| at > now) {
            return;
        }
        self.send(&due, now).await;
    }

    async fn send(&self, outage: &Outage, now: DateTime<Utc>) {
        let mail = text::mail(outage, &self.place, now);
        let sent = self.transports.send_unfiled(&mail).await;
        let memory = &mut *self.memory();
        match (sent, &mut memory.outage) {
            (Ok(_), kept) => {
                info!(mail = mail.id, "sent: {}", mail.subject);
                match kept {
                    Some(_) if outage.ended_at.is_some() => *kept = None,
                    Some(kept) => {
                        (kept.told, kept.failures, kept.next_try_at) = (kept.told + 1, 0, None);
                        memory.told_at = Some(now);
                    }
                    None => {}
                }
            }
            (Err(error), Some(kept)) => {
                kept.failures += 1;
                let wait = Growth::doubling(POLL_INTERVAL, LONGEST_RETRY).whole_wait(kept.failures);
                kept.next_try_at = TimeDelta::from_std(wait).ok().map(|wait| now + wait);
                if kept.failures == 1 {
                    error!(%error, "the mail about a store that is away cannot be sent; will try again");
                }
            }
            (Err(_), None) => {}
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// What a look found: why the store is away, or that it is there. Returns the outage that somebody is to be told of now.
    fn note(&mut self, failure: Option<String>, now: DateTime<Utc>) -> Option<Outage> {
        let Some(reason) = failure else {
            let over = self.outage.as_mut()?;
            over.ended_at.get_or_insert(now);
            // Nobody was told that it began.
            if over.told == 0 {
                self.outage = None;
            }
            return self.outage.clone();
        };
        let told_at = self.told_at;
        let outage = self.outage.get_or_insert_with(|| Outage::begin(now));
        // It is away again before anybody was told that it was back.
        outage.ended_at = None;
        outage.reason = reason;
        let wait = if outage.told == 0 { NEXT_AFTER } else { AGAIN_AFTER };
        let is_due = now - outage.since >= PATIENCE && told_at.is_none_or(|told| (now - told).abs() >= wait);
        is_due.then(|| outage.clone())
    }
}

impl Outage {
    fn begin(now: DateTime<Utc>) -> Self {
        let reason = String::new();
        Self { since: now, reason, told: 0, failures: 0, next_try_at: None, ended_at: None }
    }
}

#[cfg(test)]
mod tests;

//! The mailer: posts what the policy asks for to the outbox, and sends what is in the outbox.
//!
//! # Guarantees
//! - A mail is in the outbox, in the transaction that marks its letters as told, before it is sent: a crash
//!   repeats at most the sending, under the same Message-ID.
//! - What cannot be sent now is tried again for ever, at growing distances; what the server refuses for
//!   good is recorded and logged.
//! - What the server took is not sent again by this process, also when the store cannot record it.
//! - While mails cannot be sent, none are posted: what happens meanwhile becomes one digest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{Covered, Mail, MailResult};
use ports::{Clock, Letters, Outbox, StoreError};
use stage::{Missing, News, Outage};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::policy::{Plan, Posted, plan};
use crate::text;
use crate::transport::{SendError, SendErrorKind, Transport};

/// How often the desk is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The waits between attempts to send one mail double from the first to the longest.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(15);

/// How long a mail in hand may still take when the process is asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Further ahead than any attempt is planned.
const FAR: TimeDelta = TimeDelta::days(3650);

/// Tells people what was filed.
pub struct Mailer {
    settings: config::Mail,
    letters: Arc<dyn Letters>,
    outbox: Arc<dyn Outbox>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

/// What a mailer knows beside the outbox; a new one can do without.
#[derive(Default)]
struct Memory {
    /// Attempts that the store could not record yet, by the mail's id.
    unrecorded: BTreeMap<String, (DateTime<Utc>, MailResult)>,
    /// The server refused the login and took no mail since.
    login_refused: bool,
    /// When the outbox was looked at last.
    looked_at: Option<DateTime<Utc>>,
}

impl Mailer {
    /// A mailer over one desk.
    pub fn new(
        settings: config::Mail,
        letters: Arc<dyn Letters>,
        outbox: Arc<dyn Outbox>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { settings, letters, outbox, transport, clock, memory: Mutex::default() }
    }

    /// Runs until `stop`. While the store is away it waits for it.
    pub async fn run(&self, stop: CancellationToken) {
        let mut outage = Outage::new(Arc::clone(&self.clock));
        loop {
            let pause = match self.round(false, &stop).await {
                Ok(()) => {
                    outage.worked();
                    LOOK
                }
                Err(error) => {
                    if outage.failed(Missing::Store) != News::Old {
                        warn!(%error, "no mails while the store is away");
                    }
                    outage.next_wait()
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Posts what is new without gathering more, as far as quiet times and caps allow, and tries to send it once.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.round(true, &CancellationToken::new()).await
    }

    /// Sends what waited first, so that what was held back behind it is told in the same round.
    async fn round(&self, no_wait: bool, stop: &CancellationToken) -> Result<(), StoreError> {
        self.send_due(stop).await?;
        if self.post(no_wait).await? {
            self.send_due(stop).await?;
        }
        Ok(())
    }

    /// Posts the mail that is due, if any, and says whether it did.
    async fn post(&self, no_wait: bool) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let groups = self.letters.groups(None).await?;
        if groups.iter().all(|group| group.unsent == 0) || self.is_held_up(now).await? {
            return Ok(false);
        }
        let posted = Posted {
            last_hour: self.posted_within(TimeDelta::hours(1), now).await?,
            last_day: self.posted_within(TimeDelta::days(1), now).await?,
        };
        let Some(plan) = plan(now, &groups, posted, &self.settings, no_wait) else { return Ok(false) };
        let covered: Vec<_> = plan
            .groups
            .iter()
            .map(|group| Covered { fingerprint: group.fingerprint.clone(), letters: group.unsent })
            .collect();
        self.outbox.post(&mail(&plan, now), &covered).await?;
        Ok(true)
    }

    /// Whether a mail waits that could not be sent. Only for as long as a group stays quiet: a single mail
    /// that the server puts off for ever must not silence all others.
    async fn is_held_up(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let patience = TimeDelta::from_std(self.settings.repeat_after).unwrap_or(TimeDelta::MAX);
        let waiting = self.outbox.due(now + FAR).await?;
        Ok(waiting.iter().any(|mail| mail.attempts > 0 && (now - mail.posted_at).abs() < patience))
    }

    /// How many mails were posted in the `window` before `now`, or up to a day after it. The latter were
    /// posted before the clock stepped back: they count, or each step would lift the caps; those still
    /// further ahead do not, or nothing would be mailed until the clock gets there.
    async fn posted_within(&self, window: TimeDelta, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let beyond = self.outbox.posted_since(now + TimeDelta::days(1)).await?;
        Ok(self.outbox.posted_since(now - window).await?.saturating_sub(beyond))
    }

    async fn send_due(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.clock.now();
        let last = self.memory(|memory| memory.looked_at.replace(now));
        // After a step back the times of the next attempts mean nothing: try what waits now.
        let horizon = if last.is_some_and(|last| last > now) { now + FAR } else { now };
        for mail in self.outbox.due(horizon).await? {
            let unrecorded = self.memory(|memory| memory.unrecorded.get(&mail.id).cloned());
            let (at, result) = match unrecorded {
                Some(attempt) => attempt,
                None if stop.is_cancelled() => break,
                None => match self.send(&mail, stop).await {
                    Some(result) => (self.clock.now(), result),
                    None => break,
                },
            };
            self.memory(|memory| memory.unrecorded.insert(mail.id.clone(), (at, result.clone())));
            self.outbox.record_attempt(&mail.id, at, &result).await?;
            self.memory(|memory| memory.unrecorded.remove(&mail.id));
        }
        Ok(())
    }

    /// Tries to send `mail`; `None` when the process was asked to stop meanwhile and it took too long: the
    /// mail stays due.
    async fn send(&self, mail: &Mail, stop: &CancellationToken) -> Option<MailResult> {
        let given_up = async {
            stop.cancelled().await;
            self.clock.sleep(STOP_GRACE).await;
        };
        let attempt = tokio::select! {
            attempt = self.transport.send(mail) => attempt,
            () = given_up => return None,
        };
        let now = self.clock.now();
        Some(match attempt {
            Ok(()) => {
                self.memory(|memory| memory.login_refused = false);
                info!(mail = mail.id, "sent: {}", mail.subject);
                MailResult::Sent
            }
            Err(SendError { kind: SendErrorKind::Permanent, reason }) => {
                error!(mail = mail.id, reason, "the server refused a mail for good");
                MailResult::Refused(reason)
            }
            Err(SendError { kind: SendErrorKind::Authentication, reason }) => {
                if !self.memory(|memory| std::mem::replace(&mut memory.login_refused, true)) {
                    error!(mail = mail.id, reason, "the server refused the login: check mail.url");
                }
                MailResult::RetryAt(now + LONGEST_RETRY)
            }
            Err(SendError { kind: SendErrorKind::Transient, reason }) => {
                let wait = retry_wait(mail.attempts);
                warn!(
                    mail = mail.id,
                    reason,
                    retry_in_s = wait.num_seconds(),
                    "could not send a mail; will try again"
                );
                MailResult::RetryAt(now + wait)
            }
        })
    }

    /// Reads or changes the memory, never across an await.
    fn memory<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn retry_wait(attempts: u32) -> TimeDelta {
    let doubled = i32::try_from(1_u64 << attempts.min(10)).unwrap_or(i32::MAX);
    FIRST_RETRY.checked_mul(doubled).map_or(LONGEST_RETRY, |wait| wait.min(LONGEST_RETRY))
}

/// The mail for a plan. Its id follows from what it covers.
fn mail(plan: &Plan<'_>, now: DateTime<Utc>) -> Mail {
    let covers: Vec<_> =
        plan.groups.iter().map(|group| format!("{}:{}", group.fingerprint, group.total)).collect();
    let covers = covers.join(" ");
    let id = format!("coinpipe-{:032x}", crate::fingerprint::fnv1a_128(covers.as_bytes()));
    Mail { id, subject: text::subject(plan), body: text::body(plan), posted_at: now, attempts: 0 }
}

#[cfg(test)]
mod tests;

//! The mailer: posts what the policy asks for to the outbox, and sends what is in the outbox.
//!
//! # Guarantees
//! - A mail is in the outbox, in the transaction that marks its letters as told, before it is sent: a crash
//!   repeats at most the sending, under the same Message-ID.
//! - What cannot be sent now is tried again for ever, at growing distances; what the server refuses for
//!   good is recorded and logged.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{Covered, Mail, MailResult};
use ports::{Clock, Letters, Outbox, StoreError};
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

/// Tells people what was filed.
pub struct Mailer {
    settings: config::Mail,
    letters: Arc<dyn Letters>,
    outbox: Arc<dyn Outbox>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
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
        Self { settings, letters, outbox, transport, clock }
    }

    /// Runs until `stop`. While the store is away it waits for it.
    pub async fn run(&self, stop: CancellationToken) {
        let mut away = false;
        loop {
            match self.round(false, &stop).await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    warn!(%error, "no mails while the store is away");
                    away = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(LOOK) => {}
            }
        }
    }

    /// Posts everything not told yet, as far as the caps allow, and tries to send it once.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.round(true, &CancellationToken::new()).await
    }

    async fn round(&self, all_now: bool, stop: &CancellationToken) -> Result<(), StoreError> {
        self.post(all_now).await?;
        for mail in self.outbox.due(self.clock.now()).await? {
            if stop.is_cancelled() {
                break;
            }
            self.send(&mail).await?;
        }
        Ok(())
    }

    async fn post(&self, all_now: bool) -> Result<(), StoreError> {
        let now = self.clock.now();
        let groups = self.letters.groups(None).await?;
        if groups.iter().all(|group| group.unsent == 0) {
            return Ok(());
        }
        let posted = Posted {
            last_hour: self.outbox.posted_since(now - TimeDelta::hours(1)).await?,
            last_day: self.outbox.posted_since(now - TimeDelta::days(1)).await?,
        };
        let Some(plan) = plan(now, &groups, posted, &self.settings, all_now) else { return Ok(()) };
        let covered: Vec<_> = plan
            .groups
            .iter()
            .map(|group| Covered { fingerprint: group.fingerprint.clone(), letters: group.unsent })
            .collect();
        self.outbox.post(&mail(&plan, now), &covered).await
    }

    async fn send(&self, mail: &Mail) -> Result<(), StoreError> {
        let attempt = self.transport.send(mail).await;
        let now = self.clock.now();
        let result = match attempt {
            Ok(()) => {
                info!(mail = mail.id, "sent: {}", mail.subject);
                MailResult::Sent
            }
            Err(SendError { kind: SendErrorKind::Permanent, reason }) => {
                error!(mail = mail.id, reason, "the server refused a mail for good");
                MailResult::Refused(reason)
            }
            Err(SendError { kind: SendErrorKind::Authentication, reason }) => {
                if mail.attempts == 0 {
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
        };
        self.outbox.record_attempt(&mail.id, now, &result).await
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

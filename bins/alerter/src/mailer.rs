//! The mailer: posts what the policy asks for to the outbox, and sends what is in the outbox.
//!
//! # Guarantees
//! - A mail is written to the outbox, in the transaction that plans it and marks its letters as mailed, before it is sent.
//!   So a crash repeats at most the sending, under the same Message-ID.
//! - Any number of mailers share one outbox. Each mail is planned and posted once, and the caps hold for all mailers
//!   together. A mailer claims a mail before it sends it; another takes it over when the claim expires, which is later than
//!   sending can take.
//! - A mail that cannot be sent now is tried again for ever, with growing waits. When the server refuses a mail for good,
//!   that is recorded and logged, and another mail covers its letters.
//! - This process does not send a mail again that the server accepted, even when the store cannot record it.
//! - While a mail cannot be sent, no other is posted: what happens meanwhile becomes one digest.
//!
//! # Not guaranteed
//! That each mail is sent once: a mailer that dies, or loses the store, after the server accepted a mail may cause a second
//! send.

mod posting;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outage::Growth;
use ports::store::{CLOCK_SKEW, Claim, ClaimedMail, Mail, MailResult, OutboxState};
use ports::{Clock, Outbox, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::policy::Posted;
use crate::transport::{SendError, SendErrorKind, Transport};
use posting::posting;

/// How often the desk is read.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The waits between attempts to send one mail.
const RETRIES: Growth = Growth::doubling(Duration::from_secs(30), Duration::from_mins(15));
/// The longest of them.
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(15);

/// When the process is asked to stop: how long a mail that is being sent may still take, and then recording it.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a transport may take beyond `mail.timeout`, for its goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Mails people about the dead letters that were filed.
pub struct Mailer {
    settings: config::Mail,
    outbox: Arc<dyn Outbox>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

/// What a mailer remembers outside the outbox; it may be lost.
#[derive(Default)]
struct Memory {
    /// Attempts that the store could not record yet, by the mail's id.
    unrecorded: BTreeMap<String, Attempt>,
    /// It was logged that somebody has to change `[mail]`, and no mail was accepted since.
    is_misconfigured: bool,
}

/// What became of an attempt under a claim.
#[derive(Clone)]
struct Attempt {
    claim: u64,
    at: DateTime<Utc>,
    result: MailResult,
}

impl Mailer {
    /// A mailer over one desk.
    pub fn new(
        settings: config::Mail,
        outbox: Arc<dyn Outbox>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { settings, outbox, transport, clock, memory: Mutex::default() }
    }

    /// Runs until `stop`. While the store is away it waits for it.
    pub async fn run(&self, stop: CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "no mails while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.round(false, &stop), tell).await;
    }

    /// Posts a mail about what is new without waiting for more, as far as quiet times and caps allow, and tries to send it
    /// once.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.round(true, &CancellationToken::new()).await
    }

    /// Sends the waiting mails first, so that what they held up is mailed in the same round.
    pub(crate) async fn round(&self, no_wait: bool, stop: &CancellationToken) -> Result<(), StoreError> {
        self.send_due(stop).await?;
        if self.post(no_wait).await? {
            self.send_due(stop).await?;
        }
        Ok(())
    }

    /// Posts the mail that is due, if there is one, and returns whether it did.
    async fn post(&self, no_wait: bool) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let plan = |state: &OutboxState| posting(state, now, &self.settings, no_wait);
        let posted = self.outbox.post(Posted::since(now, &self.settings), &plan).await?;
        Ok(posted.is_some())
    }

    async fn send_due(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        self.record_all().await?;
        while !stop.is_cancelled() {
            let Some(claimed) = self.claim().await? else { break };
            let ClaimedMail { mail, number: claim } = claimed;
            let (result, is_stopped) = match self.send(&mail, stop).await {
                Some(result) => (result, false),
                // Ends the claim, so that the next mailer need not wait for it to expire.
                None => (put_off(self.clock.now(), "the process was asked to stop".to_owned()), true),
            };
            let attempt = Attempt { claim, at: self.clock.now(), result };
            self.memory(|memory| memory.unrecorded.insert(mail.id, attempt));
            if is_stopped {
                tokio::select! {
                    recorded = self.record_all() => return recorded,
                    () = self.clock.sleep(STOP_GRACE) => return Ok(()),
                }
            }
            self.record_all().await?;
        }
        Ok(())
    }

    /// Claims the next mail that is due and that nobody else is sending. The claim lasts longer than sending can take.
    async fn claim(&self) -> Result<Option<ClaimedMail>, StoreError> {
        let now = self.clock.now();
        let lease = TimeDelta::from_std(self.longest_sending()).unwrap_or(LONGEST_RETRY) + CLOCK_SKEW;
        let until = now.checked_add_signed(lease).unwrap_or(now + LONGEST_RETRY);
        self.outbox.claim(Claim { now, until, far: now + LONGEST_RETRY + CLOCK_SKEW }).await
    }

    /// No attempt takes longer, whatever the transport does.
    fn longest_sending(&self) -> Duration {
        self.settings.timeout.saturating_add(GOODBYE)
    }

    /// Records the attempts that are not recorded yet.
    async fn record_all(&self) -> Result<(), StoreError> {
        while let Some((id, attempt)) = self.memory(|memory| {
            memory.unrecorded.first_key_value().map(|(id, attempt)| (id.clone(), attempt.clone()))
        }) {
            if !self.outbox.record(&id, attempt.claim, attempt.at, &attempt.result).await? {
                info!(mail = id, "another process has taken the mail over, or it is recorded already");
            }
            self.memory(|memory| memory.unrecorded.remove(&id));
        }
        Ok(())
    }

    /// Tries to send `mail`. `None` when the process was asked to stop and sending took longer than the grace: the mail
    /// stays due.
    async fn send(&self, mail: &Mail, stop: &CancellationToken) -> Option<MailResult> {
        let given_up = async {
            stop.cancelled().await;
            self.clock.sleep(STOP_GRACE).await;
        };
        let attempt = tokio::select! {
            attempt = self.transport.send(mail) => attempt,
            () = given_up => return None,
            () = self.clock.sleep(self.longest_sending()) => Err(SendError {
                kind: SendErrorKind::Transient,
                reason: format!("not done within {:?}", self.longest_sending()),
            }),
        };
        let now = self.clock.now();
        Some(match attempt {
            Ok(()) => {
                self.memory(|memory| memory.is_misconfigured = false);
                info!(mail = mail.id, "sent: {}", mail.subject);
                MailResult::Sent
            }
            Err(SendError { kind: SendErrorKind::Refused, reason }) => {
                error!(
                    mail = mail.id,
                    reason, "the server refused a mail for good; its letters will be mailed again"
                );
                MailResult::Refused(reason)
            }
            Err(SendError { kind: SendErrorKind::Misconfigured, reason }) => {
                if !self.memory(|memory| std::mem::replace(&mut memory.is_misconfigured, true)) {
                    error!(mail = mail.id, reason, "the server takes no mail until someone changes [mail]");
                }
                put_off(now + LONGEST_RETRY, reason)
            }
            Err(SendError { kind: SendErrorKind::Transient, reason }) => {
                let wait = retry_wait(mail.attempts);
                warn!(
                    mail = mail.id,
                    reason,
                    retry_in_s = wait.num_seconds(),
                    "could not send a mail; will try again"
                );
                put_off(now + wait, reason)
            }
        })
    }

    /// Reads or changes the memory, never across an await.
    fn memory<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn retry_wait(attempts: u32) -> TimeDelta {
    TimeDelta::from_std(RETRIES.whole_wait(attempts.saturating_add(1))).unwrap_or(LONGEST_RETRY)
}

fn put_off(at: DateTime<Utc>, reason: String) -> MailResult {
    MailResult::RetryAt { at, reason }
}

#[cfg(test)]
mod tests;

//! Sending what is in the outbox, channel by channel: claim, send, record.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use outage::Growth;
use ports::StoreError;
use ports::store::{CLOCK_SKEW, Channel, Claim, ClaimedMail, Mail, MailResult};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Mailer;
use super::elsewhere::Stuck;
use crate::summary;
use crate::transport::{SendError, SendErrorKind, Sent};

/// The waits between attempts to send one mail.
const RETRIES: Growth = Growth::doubling(Duration::from_secs(30), Duration::from_mins(15));
/// The longest of them.
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(15);

/// For so long after a mail was posted, those whom it did not reach while others got it are tried.
const PATIENCE: TimeDelta = TimeDelta::days(2);

/// When the process is asked to stop: how long a mail that is being sent may still take, and then recording it.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a transport may take beyond `mail.timeout`, for its goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What became of an attempt under a claim.
#[derive(Clone)]
pub(super) struct Attempt {
    claim: u64,
    at: DateTime<Utc>,
    result: MailResult,
}

impl Mailer {
    /// Sends what waits on `channel` and is due.
    pub(super) async fn send_due(
        &self,
        channel: Channel,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        self.record_all(channel).await?;
        while !stop.is_cancelled() {
            let Some(claimed) = self.claim(channel).await? else { break };
            let ClaimedMail { mail, number: claim } = claimed;
            let (result, is_stopped) = match self.send(&mail, stop).await {
                Some(result) => (result, false),
                // Ends the claim, so that the next mailer need not wait for it to expire.
                None => (put_off(self.clock.now(), "the process was asked to stop".to_owned()), true),
            };
            if let Some(metrics) = &self.metrics {
                metrics.tried(channel, &result);
            }
            let attempt = Attempt { claim, at: self.clock.now(), result };
            self.memory(|memory| memory.unrecorded.insert((channel, mail.id), attempt));
            if is_stopped {
                tokio::select! {
                    recorded = self.record_all(channel) => return recorded,
                    () = self.clock.sleep(STOP_GRACE) => return Ok(()),
                }
            }
            self.record_all(channel).await?;
            if channel == Channel::Mail {
                self.tell_elsewhere(stop).await;
            }
        }
        Ok(())
    }

    /// Claims the next mail that is due and that nobody else is sending. The claim lasts longer than sending can take.
    pub(super) async fn claim(&self, channel: Channel) -> Result<Option<ClaimedMail>, StoreError> {
        let now = self.clock.now();
        let lease = TimeDelta::from_std(self.longest_sending()).unwrap_or(LONGEST_RETRY) + CLOCK_SKEW;
        let until = now.checked_add_signed(lease).unwrap_or(now + LONGEST_RETRY);
        self.outbox.claim(Claim { channel, now, until, far: now + LONGEST_RETRY + CLOCK_SKEW }).await
    }

    /// No attempt takes longer, whatever the transport does.
    fn longest_sending(&self) -> Duration {
        self.settings.timeout.saturating_add(GOODBYE)
    }

    /// Records the attempts that are not recorded yet.
    async fn record_all(&self, channel: Channel) -> Result<(), StoreError> {
        let next = || {
            self.memory(|memory| {
                let mut attempts = memory.unrecorded.iter();
                let found = attempts.find(|((of, _), _)| *of == channel);
                found.map(|((_, id), attempt)| (id.clone(), attempt.clone()))
            })
        };
        while let Some((id, attempt)) = next() {
            if !self.outbox.record(&id, attempt.claim, attempt.at, &attempt.result).await? {
                info!(mail = id, "another process has taken the mail over, or it is recorded already");
            }
            self.memory(|memory| memory.unrecorded.remove(&(channel, id)));
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
        let Some(transport) = self.transports.of(mail.channel) else {
            // It was on when the mail was posted. Of what it covers another one tells, on a channel that is on.
            let reason = format!("the channel {} is off", mail.channel);
            warn!(mail = mail.id, reason, "not sent");
            return Some(MailResult::Refused(reason));
        };
        let attempt = tokio::select! {
            attempt = transport.send(mail) => attempt,
            () = given_up => return None,
            () = self.clock.sleep(self.longest_sending()) => Err(SendError {
                kind: SendErrorKind::Transient,
                reason: format!("not done within {:?}", self.longest_sending()),
            }),
        };
        let now = self.clock.now();
        let result = match attempt {
            Ok(sent) => {
                self.memory(|memory| {
                    memory.misconfigured.remove(&mail.channel);
                    if mail.channel == Channel::Mail {
                        memory.untold = None;
                    }
                });
                sent_to(mail, sent, now)
            }
            Err(error) => self.failed(mail, error, now),
        };
        Some(settled(mail, result, now))
    }

    /// The server did not take it.
    fn failed(&self, mail: &Mail, SendError { kind, reason }: SendError, now: DateTime<Utc>) -> MailResult {
        let wait = wait(mail, kind);
        match kind {
            SendErrorKind::Refused if mail.left.is_empty() => {
                let what = self.after_refusal(mail);
                error!(mail = mail.id, channel = %mail.channel, reason, "{what}");
                return MailResult::Refused(reason);
            }
            SendErrorKind::Refused => return MailResult::Refused(reason),
            SendErrorKind::Misconfigured => {
                if self.memory(|memory| memory.misconfigured.insert(mail.channel)) {
                    if mail.channel == Channel::Mail {
                        let stuck = Stuck { mail: mail.id.clone(), reason: reason.clone() };
                        self.memory(|memory| memory.untold = Some(stuck));
                    }
                    let what = match mail.channel {
                        Channel::Mail => "the server takes no mail until someone changes [mail]",
                        Channel::Webhook => {
                            "the webhook takes no message until someone changes alert.webhook"
                        }
                    };
                    error!(mail = mail.id, reason, "{what}");
                }
            }
            SendErrorKind::Transient => warn!(
                mail = mail.id,
                channel = %mail.channel,
                reason,
                retry_in_s = wait.num_seconds(),
                "could not send a {}; will try again",
                match mail.channel {
                    Channel::Mail => "mail",
                    Channel::Webhook => "message to the webhook",
                }
            ),
        }
        put_off(now + wait, reason)
    }

    /// What becomes of a `mail` that is refused for good.
    pub(super) fn after_refusal(&self, mail: &Mail) -> &'static str {
        let channel = mail.channel;
        let is_copy = self.transports.channels().is_some_and(|channels| channels.copies.contains(&channel));
        match channel {
            Channel::Mail if summary::is_summary(&mail.id) => {
                "the server refused a summary for good; it is given up, and the next one is about the next period"
            }
            Channel::Webhook if !is_copy && summary::is_summary(&mail.id) => {
                "the webhook refused a summary for good; it is given up, and the next one is about the next period"
            }
            Channel::Mail => "the server refused a mail for good; its letters will be mailed again",
            Channel::Webhook if is_copy => {
                "the webhook refused a message for good; it is given up, and the mail says the same"
            }
            Channel::Webhook => {
                "the webhook refused a message for good; the next one will tell of its letters again"
            }
        }
    }
}

/// The server took it, for some or for all.
fn sent_to(mail: &Mail, sent: Sent, now: DateTime<Utc>) -> MailResult {
    match sent {
        Sent::ToAll => {
            info!(mail = mail.id, channel = %mail.channel, "sent: {}", mail.subject);
            MailResult::Sent
        }
        Sent::ToSome { left, error: SendError { kind, reason } } => {
            let wait = wait(mail, kind);
            warn!(
                mail = mail.id,
                left = left.len(),
                reason,
                retry_in_s = wait.num_seconds(),
                "sent, but not to everybody; will try again for the others: {}",
                mail.subject
            );
            MailResult::Partly { left, at: now + wait, reason }
        }
    }
}

/// What is recorded: where others have the mail, who is left is given up once it is refused, or after a time.
fn settled(mail: &Mail, result: MailResult, now: DateTime<Utc>) -> MailResult {
    let (left, reason) = match &result {
        MailResult::Partly { left, reason, .. } => (left, reason),
        MailResult::RetryAt { reason, .. } | MailResult::Refused(reason) if !mail.left.is_empty() => {
            (&mail.left, reason)
        }
        _ => return result,
    };
    let is_refused = matches!(result, MailResult::Refused(_));
    if !is_refused && (now - mail.posted_at).abs() < PATIENCE {
        return result;
    }
    error!(
        mail = mail.id,
        recipients = left.join(", "),
        reason,
        "some recipients of a mail will not get it; the others have it: {}",
        mail.subject
    );
    MailResult::Sent
}

/// How long until the next attempt.
fn wait(mail: &Mail, kind: SendErrorKind) -> TimeDelta {
    match kind {
        SendErrorKind::Misconfigured => LONGEST_RETRY,
        SendErrorKind::Transient | SendErrorKind::Refused => retry_wait(mail.attempts),
    }
}

fn retry_wait(attempts: u32) -> TimeDelta {
    TimeDelta::from_std(RETRIES.whole_wait(attempts.saturating_add(1))).unwrap_or(LONGEST_RETRY)
}

fn put_off(at: DateTime<Utc>, reason: String) -> MailResult {
    MailResult::RetryAt { at, reason }
}

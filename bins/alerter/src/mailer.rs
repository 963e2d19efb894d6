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
//! - A recipient who cannot get a mail now keeps it from nobody else, and is tried again alone, for two days.
//! - What goes to the webhook is claimed, sent and tried again for itself. It is told when no mail goes out until someone changes something.
//!
//! # Not guaranteed
//! That each mail is sent once: a mailer that dies, or loses the store, after the server accepted a mail may cause a second
//! send.

mod elsewhere;
mod posting;
mod sending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use config::QuietHours;
use ports::store::{Channel, OutboxState};
use ports::{Clock, Outbox, StoreError};
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::MailMetrics;
use crate::passed::Passed;
use crate::policy::{Posted, Rules};
use crate::surroundings::{About, Surroundings, Survey};
use crate::transport::{Transport, Transports};
use elsewhere::Stuck;
use posting::{due, posting};
use sending::Attempt;

/// How often the desk is read.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Mails people about the dead letters that were filed.
pub struct Mailer {
    settings: config::Mail,
    quiet_hours: Option<QuietHours>,
    passed: Option<Passed>,
    outbox: Arc<dyn Outbox>,
    transports: Transports,
    survey: Option<Survey>,
    metrics: Option<MailMetrics>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

/// What a mailer remembers outside the outbox; it may be lost.
#[derive(Default)]
struct Memory {
    /// Attempts that the store could not record yet, by channel and the mail's id.
    unrecorded: BTreeMap<(Channel, String), Attempt>,
    /// The channels of which it was logged that somebody has to change something, and on which nothing was accepted since.
    misconfigured: BTreeSet<Channel>,
    /// The mail of which that is so, until the webhook was told.
    untold: Option<Stuck>,
}

impl Mailer {
    /// A mailer over one desk, which sends mails with `transport`.
    pub fn new(
        settings: config::Mail,
        outbox: Arc<dyn Outbox>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::over(settings, outbox, Transports { mail: Some(transport), webhook: None }, clock)
    }

    /// A mailer over one desk, which sends on the channels that have a transport.
    pub(crate) fn over(
        settings: config::Mail,
        outbox: Arc<dyn Outbox>,
        transports: Transports,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let memory = Mutex::default();
        let (quiet_hours, passed, survey, metrics) = (None, None, None, None);
        Self { settings, quiet_hours, passed, outbox, transports, survey, metrics, clock, memory }
    }

    /// The same mailer, whose mails also say what `survey` finds.
    #[must_use]
    pub(crate) fn with_survey(self, survey: Survey) -> Self {
        Self { survey: Some(survey), ..self }
    }

    /// One that counts its attempts in `metrics`.
    #[must_use]
    pub(crate) fn counted_in(self, metrics: &Metrics) -> Self {
        Self { metrics: Some(metrics.set::<MailMetrics>()), ..self }
    }

    /// One that posts nothing in `quiet_hours`.
    #[must_use]
    pub fn quiet_in(self, quiet_hours: Option<QuietHours>) -> Self {
        Self { quiet_hours, ..self }
    }

    /// One that, before it posts a mail, closes what has `passed` meanwhile: nobody is woken for what works again.
    #[must_use]
    pub(crate) fn after_closing(self, passed: Passed) -> Self {
        Self { passed: Some(passed), ..self }
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
        self.send_all(stop).await?;
        if self.post(no_wait).await? {
            self.send_all(stop).await?;
        }
        Ok(())
    }

    /// A channel that is slow holds up no other.
    async fn send_all(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let [mail, webhook] = Channel::ALL;
        let (mails, webhooks) = tokio::join!(self.send_due(mail, stop), self.send_due(webhook, stop));
        mails.and(webhooks)
    }

    /// Posts the mail that is due, if there is one, and returns whether it did.
    async fn post(&self, no_wait: bool) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let since = Posted::since(now, &self.settings);
        let Some(channels) = self.transports.channels() else { return Ok(false) };
        let rules = Rules { mail: &self.settings, quiet_hours: self.quiet_hours.as_ref(), no_wait };
        let mut around = Surroundings::default();
        if self.passed.is_some() || self.survey.is_some() {
            // Most of the time there is nothing to post, and nothing else to read.
            let Some(mut groups) = self.due(since, now, rules).await? else { return Ok(false) };
            if let Some(passed) = &self.passed {
                passed.look().await?;
                let Some(left) = self.due(since, now, rules).await? else { return Ok(false) };
                groups = left;
            }
            if let Some(survey) = &self.survey {
                around = survey.look(&groups, now).await;
            }
        }
        let plan = |state: &OutboxState| posting(state, now, rules, &around, &channels);
        Ok(self.outbox.post(since, &plan).await?.is_some())
    }

    /// The groups that the next mail is about, if it is due.
    async fn due(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
        rules: Rules<'_>,
    ) -> Result<Option<Vec<About>>, StoreError> {
        let found = Mutex::new(None);
        let plan = |state: &OutboxState| {
            let groups = due(state, now, rules);
            *found.lock().unwrap_or_else(PoisonError::into_inner) = groups;
            None
        };
        self.outbox.post(since, &plan).await?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads or changes the memory, never across an await.
    fn memory<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;

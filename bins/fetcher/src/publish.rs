//! From the spool to the queue: pages in order, then the announcement, then forget.
//!
//! Nothing is forgotten before all of it was confirmed, so a crash in between publishes again, under the
//! same ids and with the same bytes. Within one process what was confirmed is not published again, however often the rest is
//! refused, or the disk does not let it be forgotten.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Headers, Message, MessageId, header, wire};
use ports::{Queue, QueueError, QueueName};
use stage::Point;
use tracing::{Instrument as _, Span, info, warn};

use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::spool::{Manifest, Spool, SpoolError, blocking};
use crate::trace;

/// Something could not be published. What is in the spool stays there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl PublishError {
    /// Whether waiting can help. A disk may be full now and not later. A page that the queue refuses stays where it
    /// is, and the others go on: who allows larger messages gets it, too.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Queue(error) => error.is_transient() || matches!(error, QueueError::Refused { .. }),
            Self::Spool(_) => true,
        }
    }

    /// The error, when it is about one message or file: the others can go on. Any other ends the round.
    fn or_end(self) -> Result<Self, Self> {
        match self {
            Self::Spool(_) | Self::Queue(QueueError::Refused { .. }) => Ok(self),
            Self::Queue(_) => Err(self),
        }
    }
}

pub(crate) struct Publisher {
    pub(crate) spool: Arc<Spool>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) metrics: FetchMetrics,
    pub(crate) crashes: Crashes,
    /// What the queue has confirmed and the spool still holds.
    pub(crate) confirmed: Mutex<HashSet<MessageId>>,
}

impl Publisher {
    /// Publishes all letters and all sealed batches, oldest first, and forgets them. Returns how many.
    /// One that cannot be read, or that the queue refuses, does not hold up the others.
    pub(crate) async fn publish_all(&self) -> Result<usize, PublishError> {
        let (mut done, mut left) = self.publish_letters().await?;
        let found = blocking(&self.spool, Spool::batches).await?;
        let (batches, unread) = self.incidents.report_found(found).await;
        left = left.or(unread.map(PublishError::from));
        for manifest in batches {
            let Some(pages) = manifest.pages else { continue };
            let span = trace::publishing(&manifest);
            let outcome = self.publish_batch(&manifest, pages, &span).instrument(span.clone()).await;
            if let Err(error) = &outcome {
                telemetry::trace::failed(&span, &error.to_string());
            }
            match outcome {
                Ok(()) => done += 1,
                Err(error) => left = left.or(Some(error.or_end()?)),
            }
        }
        left.map_or(Ok(done), Err)
    }

    /// `false` when the queue had confirmed it before.
    async fn publish(&self, to: QueueName, message: Message) -> Result<bool, QueueError> {
        let id = message.id.clone();
        if self.confirmed().contains(&id) {
            return Ok(false);
        }
        self.queue.publish(to, &[message]).await?;
        self.metrics.published(1);
        self.confirmed().insert(id);
        Ok(true)
    }

    async fn publish_letters(&self) -> Result<(usize, Option<PublishError>), PublishError> {
        let mut done = 0;
        let mut left = None;
        for letter in self.incidents.in_memory() {
            let id = letter.id.clone();
            if let Err(error) = self.publish(QueueName::Dead, letter).await {
                left = left.or(Some(PublishError::from(error).or_end()?));
                continue;
            }
            self.incidents.forget(&id);
            self.confirmed().remove(&id);
            done += 1;
        }
        let found = blocking(&self.spool, Spool::letters).await?;
        let (letters, unread) = self.incidents.report_found(found).await;
        left = left.or(unread.map(PublishError::from));
        for letter in letters {
            let id = letter.id.clone();
            match self.publish_letter(letter).await {
                Ok(()) => {
                    self.confirmed().remove(&id);
                    done += 1;
                }
                Err(error) => left = left.or(Some(error.or_end()?)),
            }
        }
        Ok((done, left))
    }

    /// Publishes a letter of the spool, and forgets it there.
    async fn publish_letter(&self, letter: Message) -> Result<(), PublishError> {
        let id = letter.id.clone();
        self.publish(QueueName::Dead, letter).await?;
        blocking(&self.spool, move |spool| spool.remove_letter(&id)).await?;
        Ok(())
    }

    async fn publish_batch(&self, manifest: &Manifest, pages: u32, span: &Span) -> Result<(), PublishError> {
        let batch = manifest.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.pages(&batch)).await?;
        let is_whole = found.aside.is_empty() && found.lost.is_empty();
        let (found, trouble) = self.incidents.report_found(found).await;
        for page in &found {
            let (batch, number) = (manifest.batch.clone(), page.page);
            if self.confirmed().contains(&batch.page_id(number)) {
                continue;
            }
            let body = blocking(&self.spool, move |spool| spool.page_body(&batch, number)).await?;
            let mut message = manifest.meta(page, pages).to_message(body);
            telemetry::trace::pass_on(span, &manifest.trace, &mut message.headers);
            // One at a time: a page may be large.
            self.publish(QueueName::Raw, message).await?;
        }
        if let Some(error) = trouble {
            // The rest comes when it can be read.
            return Err(error.into());
        }
        if let Some(fetched) = manifest.announcement(&found, pages) {
            let mut headers = Headers::new().with(header::BATCH, &fetched.batch);
            telemetry::trace::pass_on(span, &manifest.trace, &mut headers);
            let body = wire::encode_fetched(&fetched).into();
            let message = Message { id: fetched.message_id(), headers, body };
            if self.publish(QueueName::Rows, message).await? {
                info!(
                    batch = %fetched.batch, page_count = found.len(), of = pages, credits = fetched.credits,
                    simulated = fetched.simulated, "published a batch"
                );
            }
        }
        let came = found.len();
        // What was set aside is reported already.
        if came > 0 && came < pages as usize && is_whole {
            let batch = &manifest.batch;
            let reason =
                format!("the slot was over when {came} of the {pages} pages of {batch} had been fetched");
            warn!("{reason}");
            self.incidents.report("batch_incomplete", batch, &reason).await;
        }
        self.crashes.pass(Point::Published).await;
        let batch = manifest.batch.clone();
        blocking(&self.spool, move |spool| spool.finish(&batch)).await?;
        let ids: HashSet<_> = found.iter().map(|page| manifest.batch.page_id(page.page)).collect();
        let announced = manifest.announcement(&found, pages).map(|fetched| fetched.message_id());
        self.confirmed().retain(|id| !ids.contains(id) && Some(id) != announced.as_ref());
        self.crashes.pass(Point::Settled).await;
        Ok(())
    }

    fn confirmed(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

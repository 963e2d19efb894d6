//! From the spool to the queue: pages in order, then the announcement, then forget.
//!
//! Nothing is forgotten before all of it was confirmed, so a crash in between publishes again, under the
//! same ids and with the same bytes.

use std::sync::Arc;

use domain::{BatchId, Headers, Message, StageName, header, wire};
use ports::{Queue, QueueError, QueueName};
use stage::Metrics;
use tracing::{Instrument as _, Span, info, warn};

use crate::incident::Incidents;
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
}

pub(crate) struct Publisher {
    pub(crate) spool: Arc<Spool>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) metrics: Metrics,
}

impl Publisher {
    /// Publishes all letters and all sealed batches, oldest first, and forgets them. Returns the batches.
    /// One that cannot be read, or that the queue refuses, does not hold up the others.
    pub(crate) async fn publish_all(&self) -> Result<Vec<BatchId>, PublishError> {
        let mut left = match self.publish_letters().await {
            Err(error @ PublishError::Queue(QueueError::Refused { .. })) => Some(error),
            other => other.map(|()| None)?,
        };
        let found = blocking(&self.spool, Spool::batches).await?;
        self.incidents.report_aside(found.aside).await;
        let mut published = Vec::new();
        for manifest in found.items {
            let Some(pages) = manifest.pages else { continue };
            let span = trace::publishing(&manifest);
            let outcome = self.publish_batch(&manifest, pages, &span).instrument(span.clone()).await;
            if let Err(error) = &outcome {
                stage::trace::failed(&span, &error.to_string());
            }
            match outcome {
                Ok(()) => published.push(manifest.batch),
                Err(error @ (PublishError::Spool(_) | PublishError::Queue(QueueError::Refused { .. }))) => {
                    left = left.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        left.map_or(Ok(published), Err)
    }

    async fn publish(&self, to: QueueName, messages: &[Message]) -> Result<(), QueueError> {
        self.queue.publish(to, messages).await?;
        self.metrics.published(StageName::Fetcher, messages.len() as u64);
        Ok(())
    }

    async fn publish_letters(&self) -> Result<(), PublishError> {
        let found = blocking(&self.spool, Spool::letters).await?;
        for letter in found.items {
            self.publish(QueueName::Dead, std::slice::from_ref(&letter)).await?;
            blocking(&self.spool, move |spool| spool.remove_letter(&letter.id)).await?;
        }
        self.incidents.report_aside(found.aside).await;
        Ok(())
    }

    async fn publish_batch(&self, manifest: &Manifest, pages: u32, span: &Span) -> Result<(), PublishError> {
        let batch = manifest.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.pages(&batch)).await?;
        let is_whole = found.aside.is_empty();
        self.incidents.report_aside(found.aside).await;
        for page in &found.items {
            let (batch, number) = (manifest.batch.clone(), page.page);
            let body = blocking(&self.spool, move |spool| spool.page_body(&batch, number)).await?;
            let mut message = manifest.meta(page, pages).to_message(body);
            stage::trace::pass_on(span, &manifest.trace, &mut message.headers);
            // One at a time: a page may be large.
            self.publish(QueueName::Raw, &[message]).await?;
        }
        if let Some(fetched) = manifest.announcement(&found.items, pages) {
            let mut headers = Headers::new().with(header::BATCH, &fetched.batch);
            stage::trace::pass_on(span, &manifest.trace, &mut headers);
            let body = wire::encode_fetched(&fetched).into();
            let message = Message { id: fetched.message_id(), headers, body };
            self.publish(QueueName::Rows, &[message]).await?;
            info!(
                batch = %fetched.batch, page_count = found.items.len(), of = pages, credits = fetched.credits,
                simulated = fetched.simulated, "published a batch"
            );
        }
        let came = found.items.len();
        // What was set aside is reported already.
        if came > 0 && came < pages as usize && is_whole {
            let batch = &manifest.batch;
            let reason =
                format!("the slot was over when {came} of the {pages} pages of {batch} had been fetched");
            warn!("{reason}");
            self.incidents.report("batch_incomplete", batch, &reason).await;
        }
        let manifest = manifest.clone();
        blocking(&self.spool, move |spool| spool.finish(&manifest.batch)).await?;
        Ok(())
    }
}

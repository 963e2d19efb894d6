//! Publishing: sealed batches and letters from the spool to the queue.
//!
//! A batch leaves the spool only when the queue has confirmed all of it, so a crash in between publishes again, under the
//! same ids and with the same bytes. Within one process nothing that was confirmed is published again, however often the queue
//! refuses the rest or the disk does not let the batch be removed.

mod batch;
mod error;
mod letters;
mod patient;
mod schedule;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Message, MessageId};
use ports::{Queue, QueueError, QueueName};
use tracing::Instrument as _;

use crate::context::FetchContext;
use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::spool::{Spool, blocking};
use crate::trace;

pub(crate) use error::PublishError;
use schedule::Telling;

/// Publishes what is in the spool.
pub(crate) struct Publisher {
    spool: Arc<Spool>,
    queue: Arc<dyn Queue>,
    incidents: Arc<Incidents>,
    metrics: FetchMetrics,
    crashes: Crashes,
    /// What the queue has confirmed and the spool still holds.
    confirmed: Mutex<HashSet<MessageId>>,
    telling: Mutex<Telling>,
}

impl Publisher {
    /// A publisher from `spool` to `queue`.
    pub(crate) fn new(
        spool: Arc<Spool>,
        queue: Arc<dyn Queue>,
        incidents: Arc<Incidents>,
        context: &FetchContext,
    ) -> Self {
        let FetchContext { metrics, crashes, .. } = context.clone();
        Self {
            spool,
            queue,
            incidents,
            metrics,
            crashes,
            confirmed: Mutex::default(),
            telling: Mutex::default(),
        }
    }

    /// Publishes all letters, all sealed batches, oldest first, and the schedule, and forgets them. Returns how many.
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
        match self.publish_schedule().await {
            Ok(told) => done += told,
            Err(error) => left = left.or(Some(error.or_end()?)),
        }
        left.map_or(Ok(done), Err)
    }

    /// As [`publish_all`](Self::publish_all), but leaves it for later when the queue or the disk is away.
    pub(crate) async fn publish_if_possible(&self) -> Result<(), PublishError> {
        match self.publish_all().await {
            Err(error) if !error.is_transient() => Err(error),
            // The loop that tries again logs why.
            _ => Ok(()),
        }
    }

    /// Returns when there may be something new to publish.
    pub(crate) async fn wanted(&self) {
        self.spool.publisher_woken().await;
    }

    /// Where what is not published yet stays.
    pub(crate) fn spool_dir(&self) -> &Path {
        self.spool.dir()
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

    fn confirmed(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

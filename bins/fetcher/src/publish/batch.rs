//! A sealed batch: its pages in order, then the announcement, then it leaves the spool.

use std::collections::HashSet;

use domain::{Headers, Message, header, timestamp, wire};
use ports::QueueName;
use stage::Point;
use tracing::{Span, info, warn};

use super::{PublishError, Publisher};
use crate::spool::{Manifest, blocking};

impl Publisher {
    /// Publishes what there is of a batch of `pages` pages, and forgets it.
    pub(super) async fn publish_batch(
        &self,
        manifest: &Manifest,
        pages: u32,
        span: &Span,
    ) -> Result<(), PublishError> {
        let batch = manifest.batch.clone();
        let listed = blocking(&self.spool, move |spool| spool.list_pages(&batch)).await?;
        let mut is_whole = listed.aside.is_empty() && listed.lost.is_empty();
        let (listed, mut trouble) = self.incidents.report_found(listed).await;
        let mut found = Vec::new();
        for page in listed {
            let (batch, number) = (manifest.batch.clone(), page.page);
            if self.confirmed().contains(&batch.page_id(number)) {
                found.push(page);
                continue;
            }
            let body = blocking(&self.spool, move |spool| spool.page_body(&batch, number)).await;
            is_whole &= body.aside.is_empty();
            let (mut body, unread) = self.incidents.report_found(body).await;
            trouble = trouble.or(unread);
            let Some(body) = body.pop() else { continue };
            let mut message = manifest.meta(&page, pages).to_message(body);
            if manifest.is_history() {
                message.headers.set(header::RECEIVED_AT, timestamp::to_text(page.fetched_at));
            }
            telemetry::trace::pass_on(span, &manifest.trace, &mut message.headers);
            // One at a time: a page may be large.
            self.publish(QueueName::Raw, message).await?;
            found.push(page);
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
}

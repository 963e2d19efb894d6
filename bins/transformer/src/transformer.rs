//! The stage: takes a raw message, cleans it on a blocking thread, returns what goes on.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Message, PageMeta, StageName, decompress_body};
use ports::{Clock, QueueName};
use stage::{Failure, Output, Stage};
use tracing::info;

use crate::clean::clean;
use crate::fault::PageFault;
use crate::messages::outputs;

/// The transformer stage.
pub struct Transformer {
    settings: config::Transform,
    clock: Arc<dyn Clock>,
}

impl Transformer {
    /// A transformer that makes chunks as large as `settings` says and tells the time by `clock`.
    pub fn new(settings: config::Transform, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock }
    }
}

#[async_trait]
impl Stage for Transformer {
    fn name(&self) -> StageName {
        StageName::Transformer
    }

    fn input(&self) -> QueueName {
        QueueName::Raw
    }

    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure> {
        let (message, chunk_coins, now) = (message.clone(), self.settings.chunk_coins, self.clock.now());
        let cleaning = tokio::task::spawn_blocking(move || transform(&message, chunk_coins, now));
        match cleaning.await {
            Ok(outputs) => Ok(outputs?),
            // The loop knows what to do with a message that makes a stage panic.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(Failure::Retry { code: "interrupted", reason: error.to_string() }),
        }
    }
}

fn transform(message: &Message, chunk_coins: u32, now: DateTime<Utc>) -> Result<Vec<Output>, PageFault> {
    let meta = PageMeta::from_headers(&message.headers)?;
    let cleaned = {
        let body = decompress_body(&message.body)?;
        clean(&meta, &body, now)?
    };
    info!(
        batch = %meta.batch,
        page = meta.page,
        pages = meta.pages,
        rows = cleaned.rows.len(),
        rejected = cleaned.rejects.len(),
        "cleaned page {} of {}",
        meta.page,
        meta.pages
    );
    Ok(outputs(&meta, cleaned, chunk_coins, now))
}

#[cfg(test)]
mod tests;

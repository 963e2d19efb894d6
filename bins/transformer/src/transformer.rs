//! The stage: takes a raw message, cleans it on a blocking thread, returns what goes on.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Headers, MarketKind, Message, PageMeta, StageName, decompress_body};
use ports::{Clock, QueueName};
use stage::{Failure, Output, RowMetrics, Stage};
use telemetry::Metrics;
use tokio::sync::Semaphore;
use tracing::{Span, info};

use crate::clean::clean;
use crate::fault::PageFault;
use crate::market;
use crate::messages::outputs;

/// A coin passed the rules.
const CLEANED: &str = "cleaned";
/// A coin broke a rule.
const REJECTED: &str = "rejected";

/// Makes the transformer's metrics show, at zero.
pub fn declare_metrics(metrics: &Metrics) {
    row_metrics(metrics);
}

/// What became of coins.
fn row_metrics(metrics: &Metrics) -> RowMetrics {
    RowMetrics::new(metrics, StageName::Transformer, &[CLEANED, REJECTED])
}

/// The transformer stage.
pub struct Transformer {
    settings: config::Transform,
    /// One for each page that is cleaned. Others that the stage holds wait to be cleaned or published, which takes little memory.
    turns: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    rows: RowMetrics,
}

impl Transformer {
    /// A transformer that makes chunks as large as `settings` says, tells the time by `clock`, and counts coins in
    /// `metrics`.
    pub fn new(settings: config::Transform, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let turns = Arc::new(Semaphore::new(usize::from(settings.concurrency.max(1))));
        Self { settings, turns, clock, rows: row_metrics(metrics) }
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
        let (headers, body, counted) = (message.headers.clone(), message.body.clone(), self.rows.clone());
        let (chunk_coins, now) = (self.settings.chunk_coins, self.clock.now());
        let span = Span::current();
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let cleaning = tokio::task::spawn_blocking(move || {
            // Until it is done, also when nobody waits for it any more.
            let _turn = turn;
            span.in_scope(|| transform(&headers, &body, chunk_coins, now, &counted))
        });
        match cleaning.await {
            Ok(outputs) => Ok(outputs?),
            // The loop knows what to do with a message that makes a stage panic.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(Failure::Retry { code: "interrupted", reason: error.to_string() }),
        }
    }
}

fn transform(
    headers: &Headers,
    body: &[u8],
    chunk_coins: u32,
    now: DateTime<Utc>,
    counted: &RowMetrics,
) -> Result<Vec<Output>, PageFault> {
    let meta = PageMeta::from_headers(headers)?;
    let body = decompress_body(body)?;
    let (outputs, rows, rejected) = if let Some(kind) = MarketKind::of_endpoint(&meta.endpoint) {
        let cleaned = market::clean(kind, &meta, &body, now)?;
        let outputs = market::outputs(kind, &meta, &cleaned, chunk_coins, now)?;
        (outputs, cleaned.passed(), cleaned.rejected())
    } else {
        let cleaned = clean(&meta, &body, now)?;
        let outputs = outputs(&meta, &cleaned, chunk_coins, now)?;
        (outputs, cleaned.passed.len(), cleaned.rejects.len())
    };
    counted.add(CLEANED, rows as u64);
    counted.add(REJECTED, rejected as u64);
    info!(
        batch = %meta.batch,
        page = meta.page,
        pages = meta.pages,
        rows,
        rejected,
        "cleaned page {} of {}",
        meta.page,
        meta.pages
    );
    Ok(outputs)
}

#[cfg(test)]
mod tests;

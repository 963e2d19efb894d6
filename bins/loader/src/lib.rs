//! The loader: rows from the queue into the store. Everything hard about it (newer wins, one
//! transaction with the ledger, repeats) is the store's promise; see [`ports::Store`].

mod group_commit;
mod prune;

use std::sync::Arc;

use async_trait::async_trait;
use domain::wire::{self, UnreadChunk, UnreadMessage, WireError};
use domain::{Class, DeadLetter, Fetched, MarketChunk, Message, Schedule, StageName, header};
use ports::store::Loaded;
use ports::{Clock, QueueName, Store, StoreError};
use service::{Process, Queues, Stores};
use stage::{Failure, Output, RowMetrics, Stage};
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info};

use group_commit::GroupCommit;
pub use prune::Pruner;

/// A quote is the newest of its coin now.
const WRITTEN: &str = "written";
/// A quote was there already.
const UNCHANGED: &str = "unchanged";
/// A quote is older than what was there; it is history.
const STALE: &str = "stale";
/// A quote was refused by the database.
const REFUSED: &str = "refused";
/// A quote was left out: its batch was dropped.
const DROPPED: &str = "dropped";

/// Makes the loader's metrics show, at zero.
pub fn declare_metrics(metrics: &Metrics) {
    row_metrics(metrics);
}

/// What became of quotes.
fn row_metrics(metrics: &Metrics) -> RowMetrics {
    RowMetrics::new(metrics, StageName::Loader, &[WRITTEN, UNCHANGED, STALE, REFUSED, DROPPED])
}

/// The loader stage.
pub struct Loader {
    store: Arc<dyn Store>,
    group_commit: GroupCommit,
    clock: Arc<dyn Clock>,
    rows: RowMetrics,
}

impl Loader {
    /// A loader that writes into `store`, and counts rows in `metrics`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: &Metrics) -> Self {
        Self { group_commit: GroupCommit::new(Arc::clone(&store)), store, clock, rows: row_metrics(metrics) }
    }

    async fn load(&self, message: &Message, chunk: UnreadChunk) -> Result<Vec<Output>, Failure> {
        let head = chunk.head();
        let (batch, page, number, chunks) =
            (head.page.batch.clone(), head.page.page, head.chunk, head.chunks);
        let quotes = chunk.quotes() as u64;
        let loaded = self.group_commit.load(chunk).instrument(telemetry::trace::step("commit")).await?;
        if loaded.is_dropped {
            self.rows.add(DROPPED, quotes);
            info!(batch = %batch, page, chunk = number, "left out chunk {number} of {chunks}: the batch was dropped");
            return Ok(Vec::new());
        }
        self.count(&loaded);
        info!(
            batch = %batch,
            page,
            chunk = number,
            chunks,
            written = loaded.written,
            unchanged = loaded.unchanged,
            stale = loaded.stale,
            refused = loaded.refused.len(),
            "loaded chunk {number} of {chunks}"
        );
        Ok(self.letter_about_refused(message, &loaded).into_iter().collect())
    }

    /// Rows of a kind of the market: so few, and so rarely, that no others are waited for.
    async fn load_market(&self, message: &Message, chunk: MarketChunk) -> Result<Vec<Output>, Failure> {
        let loading = self.store.load_market(&chunk).instrument(telemetry::trace::step("commit"));
        let loaded = loading.await.map_err(|error| failure(&error))?;
        if loaded.is_dropped {
            self.rows.add(DROPPED, chunk.records.len() as u64);
            info!(batch = %chunk.head.page.batch, page = chunk.head.page.page, "left out rows of the market: the batch was dropped");
            return Ok(Vec::new());
        }
        self.count(&loaded);
        info!(
            batch = %chunk.head.page.batch,
            page = chunk.head.page.page,
            chunk = chunk.head.chunk,
            chunks = chunk.head.chunks,
            written = loaded.written,
            unchanged = loaded.unchanged,
            stale = loaded.stale,
            refused = loaded.refused.len(),
            "loaded rows of the market"
        );
        Ok(self.letter_about_refused(message, &loaded).into_iter().collect())
    }

    fn count(&self, loaded: &Loaded) {
        for (result, count) in [
            (WRITTEN, loaded.written),
            (UNCHANGED, loaded.unchanged),
            (STALE, loaded.stale),
            (REFUSED, loaded.refused.len() as u64),
        ] {
            self.rows.add(result, count);
        }
    }

    async fn announce(&self, fetched: &Fetched) -> Result<Vec<Output>, Failure> {
        self.store.record_fetched(fetched).await.map_err(|error| failure(&error))?;
        Ok(Vec::new())
    }

    async fn record(&self, schedule: &Schedule) -> Result<Vec<Output>, Failure> {
        self.store.record_schedule(schedule).await.map_err(|error| failure(&error))?;
        info!(schedule = schedule.id(), "recorded a schedule");
        Ok(Vec::new())
    }

    /// The letter that keeps the rows which the database refused; the others are loaded.
    fn letter_about_refused(&self, message: &Message, loaded: &Loaded) -> Option<Output> {
        let first = loaded.refused.first()?;
        let reason = format!(
            "the database refused {} of the chunk's rows; the first is of coin {}: {}",
            loaded.refused.len(),
            first.coin_id,
            first.reason
        );
        // The body is the whole chunk: loading it again after a change of the schema is the way back.
        let now = self.clock.now();
        let letter = DeadLetter::for_message(
            message,
            StageName::Loader,
            Class::RejectedRows,
            "refused_by_store",
            reason,
            now,
        );
        Some(Output { to: QueueName::Dead, message: letter.into_message() })
    }
}

/// What becomes of a message that the store does not take. Real and made-up numbers in one table would be worthless, and
/// nobody could tell them apart later.
fn failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Mixed { simulated: true } => {
            Failure::Reject { class: Class::Poison, code: "mixed_origins", reason: error.to_string() }
        }
        // Paid for, and right: they wait in the queue until the store is another one.
        StoreError::Mixed { simulated: false } => Failure::Fatal {
            reason: "the store holds simulated quotes, and real ones wait in the queue; set store.url to another store, \
                     or move the simulated one away"
                .to_owned(),
        },
        error => error.into(),
    }
}

/// What becomes of a message of `batch` that cannot be read.
fn undecodable(batch: Option<&str>, error: &WireError) -> Failure {
    let batch = batch.unwrap_or("an unknown batch");
    Failure::Reject {
        class: Class::Poison,
        code: error.code(),
        reason: format!("a message of {batch} is no rows message: {error}"),
    }
}

/// Runs the loader until asked to stop.
pub async fn run(process: &Process, queues: &Queues, stores: &Stores) -> anyhow::Result<()> {
    let (store, clock) = (&stores.store, &process.clock);
    let loader = Loader::new(Arc::clone(store), Arc::clone(clock), &process.metrics);
    let loading = process.run_stage(Arc::new(loader), queues);
    let keep = process.config().history.keep;
    if keep.is_zero() {
        return loading.await;
    }
    let pruner = Pruner::new(Arc::clone(store), Arc::clone(clock), keep);
    let stop = CancellationToken::new();
    let loading = async {
        let result = loading.await;
        stop.cancel();
        result
    };
    let (result, ()) = tokio::join!(loading, pruner.run(&stop));
    result
}

#[async_trait]
impl Stage for Loader {
    fn name(&self) -> StageName {
        StageName::Loader
    }

    fn input(&self) -> QueueName {
        QueueName::Rows
    }

    async fn handle(&self, message: &Message) -> Result<Vec<Output>, Failure> {
        match wire::open(&message.body) {
            Ok(UnreadMessage::Chunk(chunk)) => self.load(message, chunk.with_headers(&message.headers)).await,
            Ok(UnreadMessage::Fetched(fetched)) => self.announce(&fetched).await,
            Ok(UnreadMessage::Market(chunk)) => {
                self.load_market(message, chunk.with_headers(&message.headers)).await
            }
            Ok(UnreadMessage::Schedule(schedule)) => self.record(&schedule).await,
            Err(error) => Err(undecodable(message.headers.get(header::BATCH), &error)),
        }
    }

    async fn ready(&self) -> Result<(), Failure> {
        Ok(self.store.ready().await?)
    }
}

#[cfg(test)]
mod tests;

//! A live page: from the moment that its last byte has arrived to the moment that the ledger says that all of it is in
//! the tables. Workers on the same queue and store do the work. Each page has new quotes, as those of a schedule have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::BatchId;
use fetcher::{ProgressObserver, Step};
use ports::store::BatchRecord;
use ports::{Clock, Ledger};
use service::Process;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::said::say;

/// How often the ledger is asked: what is measured is too long by half of it, on average.
const LOOK: Duration = Duration::from_millis(5);
/// Snapshots that are not counted: connections are made, statements prepared.
const WARM_UP: u32 = 2;

/// The clock of the simulated market, which has new quotes each minute: it goes by minutes, from page to page.
#[derive(Debug)]
struct Minutes {
    clock: Arc<dyn Clock>,
    from: DateTime<Utc>,
    passed: AtomicU32,
}

impl Minutes {
    /// A clock that will go `minutes` far, and be right then: the market must not be ahead of its time.
    fn until_now(clock: Arc<dyn Clock>, minutes: u32) -> Self {
        let from = clock.now() - TimeDelta::minutes(minutes.into());
        Self { clock, from, passed: AtomicU32::new(0) }
    }

    fn pass(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Minutes {
    fn now(&self) -> DateTime<Utc> {
        self.from + TimeDelta::minutes(self.passed.load(Ordering::Relaxed).into())
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

/// Tells which batch is in the queue.
struct Published(UnboundedSender<BatchId>);

impl ProgressObserver for Published {
    fn step(&self, step: Step<'_>) {
        if let Step::Published { batch } = step {
            // Nobody listens any more when the measuring failed, which is told there.
            let _ = self.0.send(batch.clone());
        }
    }
}

pub(crate) async fn run(process: &Process, snapshots: u32) -> anyhow::Result<()> {
    let (queues, stores) = (process.open_queues().await?, process.open_stores().await?);
    let minutes = Arc::new(Minutes::until_now(process.clock.clone(), WARM_UP + snapshots));
    let source = fetcher::choose_source(&process.config().fetch, minutes.clone()).await?;
    let fetcher = fetcher::for_once(process, &queues, &source).await?;
    let (published, mut batches) = unbounded_channel();
    let observer = Published(published);
    for snapshot in 0..WARM_UP + snapshots {
        let fetching = async { Ok(fetcher.fetch_now(&observer, process.shutdown.soft()).await?) };
        let seeing = async {
            let batch =
                batches.recv().await.unwrap_or_else(|| unreachable!("`observer` holds the other end"));
            seen(process, &*stores.ledger, &batch).await
        };
        let (batch, (record, at)) = tokio::try_join!(fetching, seeing)?;
        ensure!(
            record.written == u64::from(batch.coins) && record.unchanged == 0,
            "{} wrote {} quotes, {} were there already",
            batch.batch,
            record.written,
            record.unchanged
        );
        minutes.pass();
        let transformed = record.transformed_at.context("the ledger does not say when it was transformed")?;
        let millis = |to: DateTime<Utc>| to.signed_duration_since(batch.fetched_at).as_seconds_f64() * 1000.0;
        if snapshot >= WARM_UP {
            say("live", &[("transformed_ms", millis(transformed)), ("loaded_ms", millis(at))])?;
        }
    }
    Ok(())
}

/// Waits until the ledger has all of `batch`, and says when that was seen.
async fn seen(
    process: &Process,
    ledger: &dyn Ledger,
    batch: &BatchId,
) -> anyhow::Result<(BatchRecord, DateTime<Utc>)> {
    loop {
        if let Some(record) = ledger.batch(batch).await?
            && record.is_complete()
        {
            return Ok((record, process.clock.now()));
        }
        process.clock.sleep(LOOK).await;
    }
}

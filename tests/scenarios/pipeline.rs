//! The three consuming stages over any adapters, in one process, on a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use alerter::Desk;
use loader::Loader;
use ports::store::BatchRecord;
use ports::{Clock, Depth, Queue, QueueName};
use sqlite::{Database, QueueOptions, SqliteQueue};
use stage::{Failpoints, RetryPolicy, RunError, Settings, Stage, StageContext};
use telemetry::Metrics;
use testkit::clock::ManualClock;
use testkit::memory::MemoryQueue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transformer::Transformer;

use crate::any_store::AnyStore;

/// Longer than any lease.
const PAST_LEASES: Duration = Duration::from_mins(1);

/// The deadline for every level that a test waits for.
const DEADLINE: Duration = Duration::from_mins(1);

/// Queue, store and clock of one pipeline.
#[derive(Clone)]
pub(crate) struct Pipeline {
    pub queue: Arc<dyn Queue>,
    pub store: AnyStore,
    pub clock: ManualClock,
}

impl Pipeline {
    pub(crate) fn in_memory() -> Self {
        let clock = ManualClock::default();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        Self { queue: Arc::new(MemoryQueue::new(time.clone())), store: AnyStore::in_memory(time), clock }
    }

    pub(crate) async fn on_sqlite(file: &std::path::Path) -> Self {
        let clock = ManualClock::default();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let database = Database::open(file).await.expect("the file opens");
        let options = QueueOptions {
            lease: Duration::from_secs(10),
            delivery_limit: 8,
            archive_keep: Duration::from_hours(24),
            archive_max_bytes: 1 << 30,
        };
        let queue =
            SqliteQueue::open(database.clone(), options, time.clone()).await.expect("the queue opens");
        Self { queue: Arc::new(queue), store: AnyStore::on_sqlite(database, time).await, clock }
    }

    fn stages(&self) -> [Arc<dyn Stage>; 3] {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let mut settings = config::Config::defaults().transform;
        settings.chunk_coins = 2;
        let metrics = Metrics::default();
        [
            Arc::new(Transformer::new(settings, clock.clone(), &metrics)),
            Arc::new(Loader::new(self.store.store(), clock.clone(), &metrics)),
            Arc::new(Desk::new(self.store.letters(), clock, &metrics)),
        ]
    }

    fn start(&self, failpoints: &Failpoints) -> Running {
        let stop = CancellationToken::new();
        let mut stages = JoinSet::new();
        for stage in self.stages() {
            let settings = Settings {
                concurrency: 2,
                deadline: Duration::from_secs(30),
                retry: RetryPolicy { delays: vec![Duration::from_secs(10)], attempts: 3 },
            };
            let context = StageContext {
                queue: self.queue.clone(),
                clock: Arc::new(self.clock.clone()),
                metrics: Metrics::default(),
                failpoints: failpoints.clone(),
            };
            stages.spawn(stage::run(stage, settings, context, stop.clone()));
        }
        Running { stop, stages }
    }

    /// Runs all stages until every queue is empty.
    pub(crate) async fn drain(&self) {
        // What a crashed worker held is handed out again once its lease is over.
        self.clock.advance(PAST_LEASES);
        let running = self.start(&Failpoints::none());
        self.until_empty().await;
        running.stop().await;
    }

    /// Runs all stages until one dies at `failpoint` (and the others with it, as processes of one machine
    /// would) or everything is done.
    pub(crate) async fn crash_at(&self, failpoint: &str) {
        self.clock.advance(PAST_LEASES);
        let mut running = self.start(&failpoint.parse().expect("a failpoint"));
        let crashed = async {
            match running.stages.join_next().await {
                Some(Ok(Err(RunError::Crash(_)))) => {}
                other => panic!("a stage ended without a crash: {other:?}"),
            }
        };
        tokio::select! {
            () = crashed => {}
            () = self.until_empty() => {}
        }
        running.stages.shutdown().await;
    }

    async fn until_empty(&self) {
        let empty = async {
            let mut look = tokio::time::interval(Duration::from_millis(2));
            loop {
                look.tick().await;
                let total = self.depth().await;
                if total.total() == 0 {
                    return;
                }
                if total.ready + total.unsettled == 0 {
                    self.clock.advance(Duration::from_secs(10));
                }
            }
        };
        let emptied = tokio::time::timeout(DEADLINE, empty).await.is_ok();
        assert!(emptied, "the queues never became empty: {:?}", self.depth().await);
    }

    async fn depth(&self) -> Depth {
        let mut sum = Depth::default();
        for queue in QueueName::ALL {
            let depth = self.queue.depth(queue).await.expect("the depth can be read");
            sum.ready += depth.ready;
            sum.delayed += depth.delayed;
            sum.unsettled += depth.unsettled;
        }
        sum
    }

    /// Ids and causes of the letters on the desk.
    pub(crate) async fn letters(&self) -> Vec<String> {
        let letters = self.store.letters().letters(None, 1000).await.expect("the desk can be read");
        letters.iter().map(|letter| format!("{} {}", letter.code, letter.id)).collect()
    }

    pub(crate) async fn batches(&self) -> Vec<BatchRecord> {
        self.store.ledger().batches(1000).await.expect("the ledger can be read")
    }
}

struct Running {
    stop: CancellationToken,
    stages: JoinSet<Result<(), RunError>>,
}

impl Running {
    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.stages.join_next().await {
            ended.expect("no stage panics").expect("no stage gives up");
        }
    }
}

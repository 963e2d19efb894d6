//! What a process has: its settings, its clock, the queue and the store that it opened.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use axum::Router;
use chrono::{DateTime, Utc};
use config::{Config, Loaded};
use domain::StageName;
use ports::{Clock, LegacyTable, SystemClock};
use stage::{Failpoints, RetryPolicy, Settings, Stage, StageContext};
use telemetry::Metrics;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::adapters::{self, Access, Connections, Queues, Stores};
use crate::alive::Alive;
use crate::in_flight::in_flight;
use crate::site::Site;
use crate::{Shutdown, observe};

/// What a process has, ready to run.
pub struct Process {
    /// The configuration, and the layer of each value.
    pub loaded: Loaded,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// Stop requests.
    pub shutdown: Shutdown,
    /// What the stages of this process count.
    pub metrics: Metrics,
    /// Where tests make it crash.
    pub failpoints: Failpoints,
    connections: Connections,
    site: Site,
    /// The stages that it runs; none of a command.
    stages: Vec<StageName>,
    since: DateTime<Utc>,
    /// Made at random: one that starts again is another.
    id: String,
    /// Whether metrics are served.
    is_seen: bool,
    /// What it says of itself in the store that is open.
    alive: Mutex<Option<Arc<Alive>>>,
    /// What observes queue and store for the metrics, beside the stages.
    observers: Mutex<JoinSet<()>>,
}

impl Process {
    /// A process of `stages` that has nothing open yet. `site`: where its site is handed over.
    pub(crate) fn new(
        loaded: Loaded,
        metrics: Metrics,
        failpoints: Failpoints,
        site: Site,
        stages: &[StageName],
    ) -> Self {
        let is_seen = !stages.is_empty() && !loaded.config.http.listen.is_empty();
        Self {
            loaded,
            clock: Arc::new(SystemClock),
            stages: stages.to_vec(),
            since: SystemClock.now(),
            id: format!("{:016x}", fastrand::u64(..)),
            shutdown: Shutdown::default(),
            metrics,
            failpoints,
            connections: Connections::default(),
            site,
            is_seen,
            alive: Mutex::default(),
            observers: Mutex::default(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Its id among the processes of the store.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Opens the queue that the settings name, creating what is missing. Closed when the process ends.
    pub async fn open_queues(&self) -> anyhow::Result<Queues> {
        let queues = self.connections.queues(self.config(), Arc::clone(&self.clock), Access::Work).await?;
        let queues = queues.context("the queue is not there")?;
        let observing =
            observe::queue(Arc::clone(&queues.queue), self.metrics.set(), Arc::clone(&self.clock));
        self.observe(observing).await;
        Ok(queues)
    }

    /// Opens the store that the settings name, creating what is missing. Closed when the process ends.
    pub async fn open_stores(&self) -> anyhow::Result<Stores> {
        let stores = self.connections.stores(self.config(), Arc::clone(&self.clock), Access::Work).await?;
        let stores = stores.context("the store is not there")?;
        let observing = observe::store(
            Arc::clone(&stores.quotes),
            self.metrics.set(),
            self.metrics.set(),
            Arc::clone(&self.clock),
        );
        self.observe(observing).await;
        self.say_that_it_lives(&stores).await;
        Ok(stores)
    }

    /// A command ends by itself, and is nobody that others wait for.
    async fn say_that_it_lives(&self, stores: &Stores) {
        if self.stages.is_empty() {
            return;
        }
        let (clock, asked) = (Arc::clone(&self.clock), self.shutdown.asked());
        let (processes, metrics) = (Arc::clone(&stores.processes), self.metrics.clone());
        let alive = Alive::new(processes, clock, metrics, asked, (&self.stages, self.since));
        let alive = Arc::new(alive.called(&self.id));
        *self.alive.lock().await = Some(Arc::clone(&alive));
        self.observers.lock().await.spawn(async move { alive.run().await });
    }

    /// Says in the store that this process ends, if it said that it lives.
    pub(crate) async fn say_that_it_ends(&self) {
        let Some(alive) = self.alive.lock().await.take() else { return };
        self.observers.lock().await.shutdown().await;
        alive.end().await;
    }

    /// Whether its metrics are served.
    pub(crate) fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Opens the queue that the settings name read-only, which makes and changes nothing; `None` when it is not there
    /// yet. Closed when the process ends.
    pub async fn open_queues_read_only(&self) -> anyhow::Result<Option<Queues>> {
        self.connections.queues(self.config(), Arc::clone(&self.clock), Access::ReadOnly).await
    }

    /// Opens the store that the settings name read-only, which makes and changes nothing; `None` when it is not there
    /// yet. Closed when the process ends.
    pub async fn open_stores_read_only(&self) -> anyhow::Result<Option<Stores>> {
        self.connections.stores(self.config(), Arc::clone(&self.clock), Access::ReadOnly).await
    }

    /// What [`open_queues`](Self::open_queues) would make, by name.
    pub async fn missing_queues(&self) -> anyhow::Result<Vec<String>> {
        adapters::missing_queues(self.config(), Arc::clone(&self.clock)).await
    }

    /// What [`open_stores`](Self::open_stores) would make, by name.
    pub async fn missing_tables(&self) -> anyhow::Result<Vec<String>> {
        adapters::missing_tables(self.config()).await
    }

    /// Does `work`, which may wait for a server that is away, unless asked to stop: then it is dropped where it is, which
    /// is an error.
    pub fn unless_stopped<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> impl Future<Output = anyhow::Result<T>> {
        // Opening is much code at once, which would be part of the caller's future.
        let work = Box::pin(work);
        let stop = self.shutdown.soft();
        async move {
            let done = stop.run_until_cancelled_owned(work).await;
            done.unwrap_or_else(|| Err(anyhow!("stopped before it was done")))
        }
    }

    /// Runs `observing` until the process closes, if its metrics are served.
    pub async fn observe(&self, observing: impl Future<Output = ()> + Send + 'static) {
        if self.is_seen {
            self.observers.lock().await.spawn(observing);
        }
    }

    /// Opens the table `name` (`table`, or `database.table`) where `import.url` says, which somebody else made. Closed
    /// when the process ends.
    pub async fn open_source_table(&self, name: &str) -> anyhow::Result<Arc<dyn LegacyTable>> {
        self.connections.source_table(self.config(), name).await
    }

    /// Answers with `routes` what is asked of `[http] listen` beside health and metrics, until the process ends. Where that is; `None`
    /// when nothing is served, or something else was handed over before.
    pub fn serve_site(&self, routes: Router) -> Option<SocketAddr> {
        let is_served = self.is_seen && self.site.hand_over(routes);
        self.site.address().filter(|_| is_served)
    }

    /// Closes what is open. The next opening opens anew.
    pub async fn close(&self) {
        self.observers.lock().await.shutdown().await;
        self.connections.close().await;
    }

    /// Runs `stage` until asked to stop, or until it cannot go on.
    pub async fn run_stage(&self, stage: Arc<dyn Stage>, queues: &Queues) -> anyhow::Result<()> {
        let settings = self.stage_settings(stage.name());
        let context = StageContext {
            queue: Arc::clone(&queues.queue),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
            failpoints: self.failpoints.clone(),
        };
        Ok(stage::run(stage, settings, context, self.shutdown.soft()).await?)
    }

    fn stage_settings(&self, stage: StageName) -> Settings {
        let config = self.config();
        let deadline = match stage {
            StageName::Transformer => config.transform.deadline,
            StageName::Fetcher | StageName::Loader | StageName::Alerter => config.load.deadline,
        };
        let retry = RetryPolicy { delays: config.retry.delays.clone(), attempts: config.retry.attempts };
        Settings { concurrency: in_flight(stage, config), deadline, retry }
    }
}

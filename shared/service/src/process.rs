//! Running a process from its arguments to its exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, FromArgMatches};
use config::{Config, LogFormat};
use domain::StageName;
use ports::{Clock, LegacyTable, SystemClock};
use stage::{Failpoints, RetryPolicy, Settings, Stage, StageMetrics, Surroundings};
use telemetry::{BadSetting, Format, Metrics, Traces};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::adapters::{self, Access, Connections, Queues, Stores};
use crate::metrics::{FreshnessMetrics, ServerMetrics};
use crate::usage::Usage;
use crate::{Shutdown, http, observe};

/// Arguments that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Read settings from this TOML file; `coinpipe config` lists them all
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What a process has, ready to run.
pub struct Process {
    /// The configuration and its origins.
    pub loaded: config::Loaded,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// Stop requests.
    pub shutdown: Shutdown,
    /// What the stages of this process count.
    pub metrics: Metrics,
    /// Where tests make it crash.
    pub failpoints: Failpoints,
    connections: Connections,
    /// Whether metrics are served.
    is_seen: bool,
    /// What runs beside the stages.
    watching: Mutex<JoinSet<()>>,
}

impl Process {
    /// The settings.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Opens the queue that the settings name, creating what is missing. Closed when the process ends.
    pub async fn open_queues(&self) -> anyhow::Result<Queues> {
        let queues = self.connections.queues(self.config(), Arc::clone(&self.clock), Access::Work).await?;
        let queues = queues.context("the queue is not there")?;
        let watching = observe::queue(Arc::clone(&queues.queue), self.metrics.set(), Arc::clone(&self.clock));
        self.watch(watching).await;
        Ok(queues)
    }

    /// Opens the store that the settings name, creating what is missing. Closed when the process ends.
    pub async fn open_stores(&self) -> anyhow::Result<Stores> {
        let stores = self.connections.stores(self.config(), Arc::clone(&self.clock), Access::Work).await?;
        let stores = stores.context("the store is not there")?;
        let watching = observe::store(
            Arc::clone(&stores.quotes),
            self.metrics.set(),
            self.metrics.set(),
            Arc::clone(&self.clock),
        );
        self.watch(watching).await;
        Ok(stores)
    }

    /// Opens the queue that the settings name for looking, which makes and changes nothing; `None` when it is not there
    /// yet. Closed when the process ends.
    pub async fn look_at_queues(&self) -> anyhow::Result<Option<Queues>> {
        self.connections.queues(self.config(), Arc::clone(&self.clock), Access::Look).await
    }

    /// Opens the store that the settings name for looking, which makes and changes nothing; `None` when it is not there
    /// yet. Closed when the process ends.
    pub async fn look_at_stores(&self) -> anyhow::Result<Option<Stores>> {
        self.connections.stores(self.config(), Arc::clone(&self.clock), Access::Look).await
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

    /// Does `watching` until the process closes what it has open, if anybody can see what it finds.
    pub async fn watch(&self, watching: impl Future<Output = ()> + Send + 'static) {
        if self.is_seen {
            self.watching.lock().await.spawn(watching);
        }
    }

    /// Opens the table `name` (`table`, or `database.table`) where `import.url` says, which somebody else made. Closed
    /// when the process ends.
    pub async fn open_source_table(&self, name: &str) -> anyhow::Result<Arc<dyn LegacyTable>> {
        self.connections.source_table(self.config(), name).await
    }

    /// Closes what is open. The next opening opens anew.
    pub async fn close(&self) {
        self.watching.lock().await.shutdown().await;
        self.connections.close().await;
    }

    /// Runs `stage` until asked to stop, or until it cannot go on.
    pub async fn run_stage(&self, stage: Arc<dyn Stage>, queues: &Queues) -> anyhow::Result<()> {
        let settings = self.stage_settings(stage.name());
        let surroundings = Surroundings {
            queue: Arc::clone(&queues.queue),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
            failpoints: self.failpoints.clone(),
        };
        Ok(stage::run(stage, settings, surroundings, self.shutdown.soft()).await?)
    }

    fn stage_settings(&self, stage: StageName) -> Settings {
        let config = self.config();
        let (concurrency, deadline) = match stage {
            StageName::Transformer => (config.transform.concurrency, config.transform.deadline),
            StageName::Loader => (config.load.concurrency, config.load.deadline),
            // One letter at a time: the desk is the least clever code of all.
            StageName::Fetcher | StageName::Alerter => (1, config.load.deadline),
        };
        let retry = RetryPolicy { delays: config.retry.delays.clone(), attempts: config.retry.attempts };
        Settings { concurrency, deadline, retry }
    }
}

/// How much is logged when the operator did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDefault {
    /// What `log.level` says: for processes that run for good.
    Configured,
    /// Warnings only: for commands whose own output is what people read.
    Quiet,
}

/// Runs `body` as a process of `stages`: everything around it is the same for all. With stages, health
/// and metrics are served.
pub fn run<F>(common: &CommonArgs, stages: &[StageName], log: LogDefault, body: F) -> ExitCode
where
    F: AsyncFnOnce(&Process) -> anyhow::Result<()>,
{
    // The first provider installed serves reqwest, lettre and, later, the broker and the database.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match start(common, stages, log, body) {
        Ok(code) => code,
        Err(error) => {
            let code = if error.is::<Usage>() || error.is::<config::ConfigError>() { 2 } else { 1 };
            report(&error, log);
            ExitCode::from(code)
        }
    }
}

fn start<F>(common: &CommonArgs, stages: &[StageName], log: LogDefault, body: F) -> anyhow::Result<ExitCode>
where
    F: AsyncFnOnce(&Process) -> anyhow::Result<()>,
{
    let loaded = config::load(common.config.as_deref(), env()?)?;
    adapters::check_urls(&loaded)?;
    let failpoints = match std::env::var("COINPIPE_FAILPOINT") {
        Ok(text) => text.parse().map_err(|error| Usage(format!("COINPIPE_FAILPOINT: {error}")))?,
        Err(_) => Failpoints::none(),
    };
    let quiet = log == LogDefault::Quiet && !loaded.is_chosen("log", "level");
    let levels = if quiet { "warn" } else { &loaded.config.log.level };
    let name = if let [stage] = stages { stage.as_str() } else { "coinpipe" };
    let traces = start_telemetry(&loaded, levels, log, name)?;

    for warning in &loaded.warnings {
        warn!("{warning}");
    }

    let is_seen = !stages.is_empty() && !loaded.config.http.listen.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let process = Process {
            loaded,
            clock: Arc::new(SystemClock),
            shutdown: Shutdown::default(),
            metrics: declared(stages),
            failpoints,
            connections: Connections::default(),
            is_seen,
            watching: Mutex::default(),
        };
        let config = process.config();
        process.shutdown.listen(config.shutdown.drain)?;
        if is_seen {
            let chosen = process.loaded.is_chosen("http", "listen");
            let (metrics, stop) = (process.metrics.clone(), process.shutdown.soft());
            http::serve(&config.http.listen, chosen, stages, metrics, stop).await?;
        }
        let hard = process.shutdown.hard();
        let result = tokio::select! {
            result = body(&process) => result.map(|()| ExitCode::SUCCESS),
            () = hard.cancelled() => return Ok(ExitCode::FAILURE),
        };
        tokio::select! {
            () = process.close() => {}
            () = process.clock.sleep(CLOSING) => warn!("could not close the queue and the store in time"),
            () = hard.cancelled() => {}
        }
        result
    });
    // Blocking work that was abandoned must not keep the process alive.
    runtime.shutdown_background();
    traces.end(CLOSING);
    result
}

fn start_telemetry(
    loaded: &config::Loaded,
    levels: &str,
    log: LogDefault,
    name: &str,
) -> Result<Traces, config::ConfigError> {
    let format = match loaded.config.log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
        // What a command says is for people, terminal or not.
        LogFormat::Auto if log == LogDefault::Quiet => Format::Text,
        LogFormat::Auto => Format::Auto,
    };
    let collector = &loaded.config.telemetry.otlp_url;
    telemetry::start(telemetry::Settings { levels, format, collector, process: name }).map_err(|error| {
        let (section, key) = match &error {
            BadSetting::Levels { .. } => ("log", "level"),
            BadSetting::Collector(_) => ("telemetry", "otlp_url"),
        };
        loaded.invalid(section, key, error.to_string())
    })
}

/// Metrics in which the series that are this crate's and the loop's are there from the start, at zero: a process may wait
/// long for its servers.
fn declared(stages: &[StageName]) -> Metrics {
    let metrics = Metrics::default();
    for &stage in stages {
        StageMetrics::new(&metrics, stage);
    }
    metrics.set::<ServerMetrics>();
    if stages.iter().any(|stage| matches!(stage, StageName::Loader | StageName::Alerter)) {
        metrics.set::<FreshnessMetrics>();
    }
    metrics
}

/// The environment as text. A setting that is not text must not be overlooked: a key that is garbled would
/// mean simulated data.
fn env() -> Result<Vec<(String, String)>, Usage> {
    let mut env = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => env.push((name, value)),
            (Ok(name), Err(_)) if config::is_setting(&name) => {
                return Err(Usage(format!("environment variable {name} is not UTF-8")));
            }
            // The name alone may be a mistake.
            (Ok(name), Err(_)) => env.push((name, String::new())),
            (Err(_), _) => {}
        }
    }
    Ok(env)
}

/// How long closing may take. What is in the tables and queues does not depend on it.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs one stage as a process of its own. `does` says in a sentence what it does.
pub fn run_stage_binary<F>(stage: StageName, does: &'static str, body: F) -> ExitCode
where
    F: AsyncFnOnce(&Process) -> anyhow::Result<()>,
{
    let about = format!(
        "{does}\n\nOne stage of coinpipe; run any number of them. Settings come from --config FILE and from \
         environment variables such as COINPIPE__QUEUE__URL; `coinpipe config` lists them all."
    );
    let command = CommonArgs::augment_args(clap::Command::new(stage.as_str()));
    let matches = command.version(env!("CARGO_PKG_VERSION")).about(about).get_matches();
    // What clap took is what was described to it.
    let common = CommonArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    run(&common, &[stage], LogDefault::Configured, async |process| {
        info!(%stage, version = env!("CARGO_PKG_VERSION"), "starting");
        body(process).await?;
        info!(%stage, "stopped");
        Ok(())
    })
}

/// Says on stderr why the process ends: as a log line for a process whose logs are read, else plainly. A
/// mistake in what was typed is told to who typed it.
#[expect(clippy::print_stderr, reason = "this is the last word of a command to the person who typed it")]
fn report(error: &anyhow::Error, log: LogDefault) {
    if log == LogDefault::Configured && !error.is::<Usage>() && tracing::dispatcher::has_been_set() {
        error!("{error:#}");
    } else {
        eprintln!("error: {error:#}");
    }
}

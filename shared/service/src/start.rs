//! Running a process from its arguments to its exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use domain::StageName;
use stage::Failpoints;
use tracing::{error, info, warn};

use crate::adapters::check_urls;
use crate::site::Site;
use crate::{LogDefault, Process, Usage, http, logging, metrics};

/// How long closing may take. Nothing in tables or queues depends on it.
const CLOSING: Duration = Duration::from_secs(5);

/// Arguments that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Read settings from this TOML file; `coinpipe config` lists them all
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Runs `body` as a process of `stages`. Health and metrics are served when there are stages.
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
    check_urls(&loaded)?;
    let failpoints = match std::env::var("COINPIPE_FAILPOINT") {
        Ok(text) => text.parse().map_err(|error| Usage(format!("COINPIPE_FAILPOINT: {error}")))?,
        Err(_) => Failpoints::none(),
    };
    let name = if let [stage] = stages { stage.as_str() } else { "coinpipe" };
    let traces = logging::start(&loaded, log, name)?;

    for warning in &loaded.warnings {
        warn!("{warning}");
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let site = Site::of(stages);
        let process = Process::new(loaded, metrics::declared(stages), failpoints, site.clone(), stages);
        let config = process.config();
        process.shutdown.listen(config.shutdown.drain)?;
        if process.is_seen() {
            let chosen = process.loaded.is_chosen("http", "listen");
            let (metrics, stop) = (process.metrics.clone(), process.shutdown.soft());
            http::serve(&config.http.listen, chosen, stages, metrics, site, stop).await?;
        }
        let hard = process.shutdown.hard();
        let result = tokio::select! {
            result = body(&process) => result.map(|()| ExitCode::SUCCESS),
            () = hard.cancelled() => return Ok(ExitCode::FAILURE),
        };
        tokio::select! {
            () = process.say_that_it_ends() => {}
            () = hard.cancelled() => {}
        }
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

/// The environment as text. A setting of ours that is not UTF-8 is an error: to overlook a garbled API key would mean
/// simulated data.
fn env() -> Result<Vec<(String, String)>, Usage> {
    let mut env = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => env.push((name, value)),
            (Ok(name), Err(_)) if config::is_setting(&name) => {
                return Err(Usage(format!("environment variable {name} is not UTF-8")));
            }
            // Kept with an empty value: its name may still be a misspelled setting.
            (Ok(name), Err(_)) => env.push((name, String::new())),
            (Err(_), _) => {}
        }
    }
    Ok(env)
}

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
    // This cannot fail: clap parsed the arguments that these types declare.
    let common = CommonArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    run(&common, &[stage], LogDefault::Configured, async |process| {
        info!(%stage, version = env!("CARGO_PKG_VERSION"), "starting");
        body(process).await?;
        info!(%stage, "stopped");
        Ok(())
    })
}

/// Says why the process ends: in the log for a process that has one, else on stderr. Usage errors go to stderr, not to the
/// log.
#[expect(clippy::print_stderr, reason = "this is the last word of a command to the person who typed it")]
fn report(error: &anyhow::Error, log: LogDefault) {
    if log == LogDefault::Configured && !error.is::<Usage>() && tracing::dispatcher::has_been_set() {
        error!("{error:#}");
    } else {
        eprintln!("error: {}", domain::plain_lines(&format!("{error:#}")));
    }
}

//! Logs: text for people on a terminal, JSON for machines, always on stderr. And traces, for who collects them.

mod traces;

use std::io::IsTerminal;

use anyhow::Context;
use config::{Config, ConfigError, Loaded, LogFormat};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

pub(crate) use traces::Traces;

/// A library that logs each of its errors before it returns it to us, who log it where it is handled.
const TWICE: &str = "lapin";

/// Begins logging with the levels `levels`, and sending the traces of the process `name`; or says which setting makes no
/// sense. `for_people`: text unless the settings ask for JSON, terminal or not. Must not be called in an async runtime.
pub(crate) fn start(
    loaded: &Loaded,
    levels: &str,
    for_people: bool,
    name: &str,
) -> Result<Traces, ConfigError> {
    let Config { log, telemetry, .. } = &loaded.config;
    let filter = filter(levels).map_err(|error| loaded.invalid("log", "level", format!("{error:#}")))?;
    let traces = Traces::to(&telemetry.otlp_url, name)
        .map_err(|error| loaded.invalid("telemetry", "otlp_url", format!("{error:#}")))?;
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !for_people && !std::io::stderr().is_terminal(),
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.layer()).init();
    Ok(traces)
}

/// What is logged at `levels`.
fn filter(levels: &str) -> anyhow::Result<Targets> {
    let mut filter: Targets =
        levels.parse().with_context(|| format!("log.level {levels:?} is not a level"))?;
    if !levels.contains(TWICE) {
        filter = filter.with_target(TWICE, LevelFilter::OFF);
    }
    Ok(filter.with_target(stage::trace::TARGET, LevelFilter::OFF))
}

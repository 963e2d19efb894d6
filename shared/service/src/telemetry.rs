//! Logs: text for people on a terminal, JSON for machines, always on stderr.

use std::io::IsTerminal;

use anyhow::Context;
use config::{Log, LogFormat};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// A library that logs each of its errors before it returns it to us, who log it where it is handled.
const TWICE: &str = "lapin";

/// Begins logging with the levels `levels`, or says why they make no sense. `for_people`: text unless the
/// settings ask for JSON, terminal or not.
pub(crate) fn start(log: &Log, levels: &str, for_people: bool) -> anyhow::Result<()> {
    let mut filter: Targets =
        levels.parse().with_context(|| format!("log.level {levels:?} is not a level"))?;
    if !levels.contains(TWICE) {
        filter = filter.with_target(TWICE, LevelFilter::OFF);
    }
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
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().context("cannot start logging")
}

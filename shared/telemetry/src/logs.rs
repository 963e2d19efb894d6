//! Logs: text for people on a terminal, JSON for machines, always on stderr. And traces, for who collects them.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::{Traces, error_chain, trace};

/// A library that logs each of its errors before it returns it to us, who log it where it is handled.
const TWICE: &str = "lapin";

/// What to tell, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What is logged: a level, or levels by target (`info,fetcher=debug`).
    pub levels: &'a str,
    /// How log lines look.
    pub format: Format,
    /// The base URL of the collector of traces; empty for none.
    pub collector: &'a str,
    /// The process, as traces name it.
    pub process: &'a str,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, else JSON.
    Auto,
}

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// [`Settings::levels`].
    #[error("log.level {levels:?} is not a level: {reason}")]
    Levels {
        /// What it was.
        levels: String,
        /// What is wrong with it.
        reason: String,
    },
    /// [`Settings::collector`].
    #[error("{0}")]
    Collector(String),
}

/// Begins logging, and sending traces. Must not be called in an async runtime.
pub fn start(settings: Settings<'_>) -> Result<Traces, BadSetting> {
    let filter = filter(settings.levels)?;
    let traces = Traces::to(settings.collector, settings.process)?;
    let json = match settings.format {
        Format::Json => true,
        Format::Text => false,
        Format::Auto => !std::io::stderr().is_terminal(),
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
fn filter(levels: &str) -> Result<Targets, BadSetting> {
    let mut filter: Targets = levels.parse().map_err(|error: tracing_subscriber::filter::ParseError| {
        BadSetting::Levels { levels: levels.to_owned(), reason: error_chain(&error) }
    })?;
    if !levels.contains(TWICE) {
        filter = filter.with_target(TWICE, LevelFilter::OFF);
    }
    Ok(filter.with_target(trace::TARGET, LevelFilter::OFF))
}

//! Starts logs (text for people on a terminal, JSON for machines, always on stderr) and traces (for a collector).

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::plain::Plain;
use crate::settings::{BadSetting, Format, Settings};
use crate::{Traces, error_chain, trace};

/// A library that logs each error before it returns it. We log errors where they are handled, so its lines would repeat them.
const TWICE: &str = "lapin";

/// Begins logging, and sending traces. Must not be called in an async runtime.
pub fn start(settings: Settings<'_>) -> Result<Traces, BadSetting> {
    let filter = filter(settings.levels)?;
    let traces = Traces::to(settings.collector, settings.process)?;
    let json = match settings.format {
        Format::Json => true,
        Format::Text => false,
        Format::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = fmt::layer().with_writer(|| Plain(std::io::stderr()));
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

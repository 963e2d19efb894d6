//! Logs and traces as the settings and the kind of the command say.

use config::LogFormat;
use telemetry::{BadSetting, Format, Traces};

/// How much is logged when the operator did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDefault {
    /// As `log.level` says: for processes that keep running.
    Configured,
    /// Warnings, and how far tables are converted: for commands whose own output is what people read.
    Quiet,
    /// The same without the letters that are filed: for a command that tells what they say itself.
    Told,
}

/// `converting` is what adapters log under while they convert tables, which may take minutes.
const QUIET: &str = "warn,converting=info";
const TOLD: &str = "warn,converting=info,alerter::filing=error";

/// Begins logging, and sending traces in the name of the process `name`. Must not be called in an async runtime.
pub(crate) fn start(
    loaded: &config::Loaded,
    log: LogDefault,
    name: &str,
) -> Result<Traces, config::ConfigError> {
    let levels = match log {
        LogDefault::Quiet if !loaded.is_chosen("log", "level") => QUIET,
        LogDefault::Told if !loaded.is_chosen("log", "level") => TOLD,
        _ => &loaded.config.log.level,
    };
    let format = match loaded.config.log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
        // Commands write for people, on a terminal or not.
        LogFormat::Auto if log != LogDefault::Configured => Format::Text,
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

//! What a process tells about itself: numbers ([`Metrics`]), traces ([`trace`]) and log lines ([`start`]).

mod chain;
mod logs;
mod metrics;
mod plain;
mod settings;
pub mod trace;
mod traces;

pub use chain::error_chain;
pub use logs::start;
pub use metrics::{Level, MetricSet, Metrics, level, seconds, unknown};
pub use settings::{BadSetting, Format, Settings};
pub use traces::Traces;

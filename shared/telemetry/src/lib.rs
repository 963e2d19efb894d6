//! What a process tells about itself: numbers ([`Metrics`]), traces ([`trace`]) and log lines ([`start`]).

mod chain;
mod logs;
mod metrics;
pub mod names;
pub mod trace;
mod traces;

pub use chain::error_chain;
pub use logs::{BadSetting, Format, Settings, start};
pub use metrics::{Level, MetricSet, Metrics, level, seconds, unknown};
pub use traces::Traces;

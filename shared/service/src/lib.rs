//! The process shell, the same for every binary: configuration → telemetry → signals → adapters → run →
//! drain → exit code.
//!
//! Exit codes: 0 asked to stop (or done), 1 failed while running, 2 bad configuration or usage, found
//! before anything outside was touched.

mod adapters;
mod alive;
#[cfg(feature = "jemalloc")]
mod allocator;
mod held;
mod http;
mod in_flight;
mod logging;
mod metrics;
mod observe;
mod process;
mod shutdown;
mod site;
mod start;
mod usage;
mod waiting;

pub use adapters::{Queues, SetAside, Stores, check_arguments, check_writable, file_of, place, set_aside};
pub use held::{Held, held_slots, records};
pub use logging::LogDefault;
pub use process::Process;
pub use shutdown::Shutdown;
pub use start::{CommonArgs, run, run_stage_binary};
pub use usage::Usage;
pub use waiting::{WAITING, Waiting, waiting};

//! What a stage is, the one loop that runs it, and the pieces around the loop.
//!
//! A stage turns one message into messages for the next queues, and says what went wrong when it
//! cannot. Everything else (receiving, confirming, retrying, dead-lettering, waiting out an outage,
//! draining) is the loop's, written once, the same for every stage and every broker.

mod contract;
mod failpoint;
mod metrics;
mod replay_id;
mod retry;
mod run;

pub use contract::{Failure, Output, Stage};
pub use failpoint::{BadFailpoint, Crash, Failpoints, Point};
pub use metrics::{RowMetrics, StageMetrics};

pub use retry::RetryPolicy;
pub use run::{RunError, Settings, StageContext, run};

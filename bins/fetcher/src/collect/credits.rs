//! Credits: what a snapshot costs before it is asked for, what a month of them costs, and whether the plan pays for it.
//!
//! `spending` is the arithmetic, `beside` that of what is no snapshot, `budget` the words about it, `watch` what the key has left while the fetcher runs.

mod beside;
mod budget;
mod spending;
mod watch;

pub use budget::{Advice, free_plan};
pub use spending::Spending;
pub(crate) use watch::{Credits, Spare};

//! The contract suites on the ports in memory.

mod queue;
mod store;

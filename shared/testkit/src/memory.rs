//! In-memory versions of the ports, for tests. They pass the same contract suites as the real adapters.

mod queue;
mod store;

pub use queue::MemoryQueue;
#[cfg(test)]
pub(crate) use queue::Options;
pub use store::MemoryStore;

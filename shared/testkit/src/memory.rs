//! In-memory versions of the ports, for tests. They pass the same contract suites as the real adapters.

mod queue;
mod store;

pub use queue::MemoryQueue;
pub use store::MemoryStore;

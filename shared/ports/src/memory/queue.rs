//! The in-memory queue.

/// The queue, in memory.
#[derive(Debug)]
pub struct MemoryQueue;

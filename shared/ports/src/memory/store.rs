//! The in-memory store.

/// The store, in memory.
#[derive(Debug)]
pub struct MemoryStore;

//! The embedded adapter: a durable queue, its archive, and the store, in SQLite files. No server needed.
//!
//! Queue and store may share one file, and any number of processes may use it at once: writers take turns
//! (`BEGIN IMMEDIATE`), readers never wait. A write that returned `Ok` is on the disk.

mod database;
mod error;
mod queue;
mod read_only;
mod store;

pub use database::{Database, file_of_url};
pub use error::Error;
pub use queue::{QueueOptions, SqliteQueue};
pub use store::SqliteStore;

//! The embedded adapter: a durable queue, its archive, and the store, in SQLite files. No server needed.
//!
//! Queue and store may share one file, and any number of processes may use it at once: writers take turns
//! (`BEGIN IMMEDIATE`), readers never wait. A write that returned `Ok` is on the disk.

mod database;
mod error;

pub use database::Database;
pub use error::Error;

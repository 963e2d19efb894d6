//! The server adapter: the store in MySQL (8.4, 9) or MariaDB (10.11 and later).
//!
//! Any number of processes may use one database at once. A write that returned `Ok` is as durable as the
//! server makes it (`innodb_flush_log_at_trx_commit=1`, its default, survives a crash of the machine).

mod database;
mod error;
mod options;
mod read_only;
mod source;
mod store;

pub use error::Error;
pub use options::{Options, check_url};
pub use source::MysqlTable;
pub use store::MysqlStore;

//! The operator's side of the desk in a file.

use super::SqliteStore;
use super::drops::InTransaction;

// SQLite finds the length of a body without reading it.
tables::desk_port!(SqliteStore, InTransaction, "length(body)");

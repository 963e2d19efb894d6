//! The operator's side of the desk in a file.

use tables::desk::lists::Dialect;

use super::SqliteStore;
use super::drops::InTransaction;

/// SQLite finds the length of a body without reading it.
pub(super) const DIALECT: Dialect =
    Dialect { body_bytes: "length(body)", hour: "substr(filed_at, 1, 13)", force_index: None };

tables::desk_port!(SqliteStore, InTransaction, DIALECT);

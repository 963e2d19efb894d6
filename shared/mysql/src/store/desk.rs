//! The operator's side of the desk on a server.

use tables::desk::lists::Dialect;

use super::MysqlStore;
use super::drops::InTransaction;

/// A body lies on pages of its own, and its length in the row. Left alone, MariaDB looks for the state and reads all that is newer than
/// the page that is asked for: seconds, among a million letters.
const DIALECT: Dialect = Dialect {
    body_bytes: "octet_length(body)",
    hour: "date_format(filed_at, '%Y-%m-%dT%H')",
    force_index: Some("FORCE INDEX"),
};

tables::desk_port!(MysqlStore, InTransaction, DIALECT);

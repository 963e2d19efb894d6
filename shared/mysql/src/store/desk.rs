//! The operator's side of the desk on a server.

use super::MysqlStore;
use super::drops::InTransaction;

// A body lies on pages of its own, and its length in the row.
tables::desk_port!(MysqlStore, InTransaction, "octet_length(body)");

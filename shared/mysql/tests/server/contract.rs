//! The contract that all stores keep.

use crate::database::setup;

testkit::store_contract!(setup);
sqlkit::sql_contract!(setup);

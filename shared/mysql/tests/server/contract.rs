//! The contract that all stores keep.

use crate::database::setup;

testkit::store_contract!(setup);
testkit::sql_contract!(setup);

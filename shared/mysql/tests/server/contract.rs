//! The contract that all stores keep.

use crate::database::setup;

ports::store_contract!(setup);

//! The contract that all stores keep.

use crate::lab::setup;

ports::store_contract!(setup);

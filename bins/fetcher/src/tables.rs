//! What a fetcher looks up in the tables.

use std::sync::Arc;

use ports::{Ledger, Schedules};

/// What tells which batches are in the tables.
#[derive(Clone)]
pub struct Tables {
    /// By their ids.
    pub ledger: Arc<dyn Ledger>,
    /// By their slots.
    pub schedules: Arc<dyn Schedules>,
}

impl Tables {
    /// Of a store that tells both.
    pub fn of<T: Ledger + Schedules>(store: Arc<T>) -> Self {
        Self { ledger: store.clone(), schedules: store }
    }
}

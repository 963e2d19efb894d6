//! What is remembered of a map.

use serde::{Deserialize, Serialize};

use crate::spool::Manifest;

/// A map, as far as the next one is compared with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedMap {
    batch: String,
    host: String,
    simulated: bool,
    coins: usize,
}

impl RememberedMap {
    /// The map of `order`, with so many different coins.
    pub(super) fn new(order: &Manifest, simulated: bool, coins: usize) -> Self {
        Self { batch: order.batch.to_string(), host: order.host.clone(), simulated, coins }
    }

    /// How many coins it had, when `now` is a later one of the same source.
    pub(super) fn coins_before(&self, now: &Self) -> Option<usize> {
        let is_before = self.batch != now.batch && (&self.host, self.simulated) == (&now.host, now.simulated);
        is_before.then_some(self.coins)
    }
}

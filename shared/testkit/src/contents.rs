//! What a store of any kind holds, without going through its ports.

use async_trait::async_trait;

use domain::MarketKind;

use crate::tables::{MarketEntry, Tables, Vanished};

/// Where the rows of a store are. Panics where they cannot be had: a test cannot go on then.
#[async_trait]
pub trait Contents: Send + Sync {
    /// All rows about coins.
    async fn tables(&self) -> Tables;

    /// The rows of a kind of the market, by their key.
    async fn market(&self, kind: MarketKind) -> Vec<MarketEntry>;

    /// The coins of the map by their ids: when each vanished, if it did.
    async fn vanished(&self) -> Vec<Vanished>;

    /// Marks a group as dealt with, as an operator does.
    async fn resolve(&self, fingerprint: &str);
}

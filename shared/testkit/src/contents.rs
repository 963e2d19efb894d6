//! What a store of any kind holds, without going through its ports.

use async_trait::async_trait;

use crate::tables::Tables;

/// Where the rows of a store are. Panics where they cannot be had: a test cannot go on then.
#[async_trait]
pub trait Contents: Send + Sync {
    /// All rows about coins.
    async fn tables(&self) -> Tables;

    /// Marks a group as dealt with, as an operator does.
    async fn resolve(&self, fingerprint: &str);
}

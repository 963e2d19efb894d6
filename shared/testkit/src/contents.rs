//! What a store of any kind holds, without asking it.

use std::sync::Arc;

use crate::memory::MemoryStore;
use crate::sql::Client;
use crate::tables::Tables;

/// Where the rows of a store are.
#[derive(Clone)]
pub enum Contents {
    /// In memory.
    Memory(Arc<MemoryStore>),
    /// In a database.
    Database(Client),
}

impl Contents {
    /// All rows about coins.
    pub async fn tables(&self) -> Tables {
        match self {
            Self::Memory(store) => store.tables(),
            Self::Database(client) => client.tables().await,
        }
    }

    /// Marks a group as dealt with, as an operator does.
    pub async fn resolve(&self, fingerprint: &str) {
        match self {
            Self::Memory(store) => store.resolve(fingerprint),
            Self::Database(client) => {
                let sql =
                    format!("UPDATE alert_groups SET state = 'resolved' WHERE fingerprint = '{fingerprint}'");
                client.execute(&sql).await;
            }
        }
    }
}

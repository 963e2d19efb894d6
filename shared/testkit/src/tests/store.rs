//! The store in memory keeps the contract; and its outages.

use std::sync::Arc;

use async_trait::async_trait;
use ports::Store;

use crate::clock::ManualClock;
use crate::contents::Contents;
use crate::contract::store::StoreLab;
use crate::contract::store::sample::chunk;
use crate::memory::MemoryStore;

struct Memory {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

async fn setup() -> Memory {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    Memory { clock, store }
}

#[async_trait]
impl StoreLab for Memory {
    type Store = MemoryStore;

    fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn contents(&self) -> Arc<dyn Contents> {
        self.store()
    }
}

crate::store_contract!(setup);

#[tokio::test]
async fn an_outage_is_transient_and_loses_nothing() {
    let lab = setup().await;
    let chunk = chunk(&[1]);
    lab.store.load(&chunk).await.expect("before");
    lab.store.set_available(false);
    assert!(lab.store.load(&chunk).await.expect_err("during").is_transient());
    assert!(lab.store.ready().await.expect_err("during").is_transient());
    lab.store.set_available(true);
    assert_eq!(lab.store.load(&chunk).await.expect("after").unchanged, 1);
}

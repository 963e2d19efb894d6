//! What the tables must hold: the same snapshots, one after the other, without queues, processes or threads.

use std::sync::Arc;

use domain::Origin;
use domain::wire::{RowsMessage, decode};
use ports::memory::{MemoryStore, Tables};
use ports::{ManualClock, Store};
use stage::Stage;
use transformer::Transformer;

use crate::market;

/// The tables that these snapshots of `coins` coins give.
pub async fn tables(batches: impl IntoIterator<Item = u32>, coins: u32) -> Tables {
    let clock = Arc::new(ManualClock::default());
    let store = MemoryStore::new(clock.clone());
    let transformer = Transformer::new(config::Config::defaults().transform, clock);
    for batch in batches {
        let page = market::page_of(batch, coins, Origin::Live);
        for output in transformer.handle(&page).await.expect("the page is clean") {
            match decode(&output.message.body).expect("the chunk decodes") {
                RowsMessage::Chunk(chunk) => drop(store.load(&chunk).await.expect("memory takes it")),
                RowsMessage::Fetched(_) => panic!("the transformer announces nothing"),
            }
        }
    }
    store.tables()
}
